"""What a multi-label classifier learns: a logit for each class, and the threshold at which a row gets it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from torch import Tensor, nn

from finetrail.evaluation.scores.bootstrap import point_scores
from finetrail.evaluation.scores.metric import Point
from finetrail.models.inputs import Inputs
from finetrail.models.network import Batch, Network
from finetrail.targets import soft
from finetrail.targets.class_sets.codec import SetCodec, probabilities
from finetrail.targets.class_sets.confusions import losses
from finetrail.targets.class_sets.losses import binary_cross_entropy, positive_weights
from finetrail.targets.class_sets.settings import SetTraining
from finetrail.targets.class_sets.thresholds import fit_thresholds
from finetrail.targets.learning import Explained, Loss
from finetrail.targets.logits import Logits
from finetrail.targets.per_row import Each, RowTargets
from finetrail.targets.scaling import fit_scales

if TYPE_CHECKING:
    from finetrail.targets.learning import Kept

Labels = Sequence[Sequence[str]]


@dataclass(frozen=True)
class SetLearning:
    """See `finetrail.targets.learning.Learning`."""

    codec: SetCodec

    def head(self, width: int) -> nn.Module:
        return nn.Linear(width, len(self.codec.labels))

    def encode(self, labels: Labels, inputs: Inputs) -> RowTargets:
        return RowTargets.of(self.codec.members(labels).astype(np.float32), inputs)

    def loss(self, settings: SetTraining, labels: Labels, *, finished: bool = False) -> Loss:
        return binary_cross_entropy(positive_weights(settings.positive_weights, self.codec.members(labels)))

    def from_teacher(self, temperature: float) -> Each:
        return soft.of_several(temperature)

    def keep(self, outputs: Tensor, batch: Batch) -> "Kept":
        return outputs.float().cpu().numpy()

    def answers(self, kept: Any, inputs: Inputs) -> Logits:
        return kept  # type: ignore[no-any-return]

    def explained(self, label: Sequence[str], answers: Logits, inputs: Inputs) -> Explained:
        """The logit of the class about which it was most wrong."""
        actual = self.codec.members([label])[0]
        certain = probabilities(answers)[0]
        wrong = self.codec.predicted(answers)[0] != actual
        off = np.where(actual, 1 - certain, certain) + wrong  # any wrong class before all right ones
        worst = int(off.argmax())
        return Explained(0, (worst,), f"the class {self.codec.labels[worst]}, {'missed' if actual[worst] else 'given'}")

    def score(self, kept: Any, inputs: Inputs, labels: Labels, *, finished: bool = False) -> Point:
        logits = self.answers(kept, inputs)
        loss = float(losses(self.codec.members(labels), probabilities(logits)).mean())
        return {"loss": loss, **point_scores(self.codec.judge, labels, logits)}

    def finish(self, model: Network) -> None:
        """Nothing to do: logits are the answer."""

    def fitted(self, kept: Any, inputs: Inputs, labels: Labels) -> "SetLearning":
        logits = self.answers(kept, inputs)
        actual = self.codec.members(labels)
        thresholds = fit_thresholds(actual, probabilities(logits))
        slopes, shifts = fit_scales(logits, actual)
        said = replace(self.codec, thresholds=tuple(thresholds.tolist()), slopes=tuple(slopes), shifts=tuple(shifts))
        return SetLearning(said)
