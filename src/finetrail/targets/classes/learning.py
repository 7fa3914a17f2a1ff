"""What a classifier learns: a logit for each class."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from torch import Tensor, nn

from finetrail.evaluation.scores.bootstrap import point_scores
from finetrail.evaluation.scores.metric import Point
from finetrail.models.inputs import Inputs
from finetrail.models.network import Batch, Network
from finetrail.targets.classes.codec import ClassCodec
from finetrail.targets.classes.losses import class_weights, cross_entropy, focal
from finetrail.targets.classes.metrics import cross_entropy as loss_of
from finetrail.targets.classes.settings import ClassTraining
from finetrail.targets.learning import Loss
from finetrail.targets.logits import Logits
from finetrail.targets.per_row import RowTargets

if TYPE_CHECKING:
    from finetrail.targets.learning import Kept


@dataclass(frozen=True)
class ClassLearning:
    """See `finetrail.targets.learning.Learning`."""

    codec: ClassCodec

    def head(self, width: int) -> nn.Module:
        return nn.Linear(width, len(self.codec.labels))

    def encode(self, labels: Sequence[str], inputs: Inputs) -> RowTargets:
        return RowTargets.of(self.codec.numbers(labels), inputs)

    def loss(self, settings: ClassTraining, labels: Sequence[str]) -> Loss:
        weights = class_weights(settings.class_weights, self.codec.numbers(labels), len(self.codec.labels))
        if settings.loss == "focal":
            return focal(settings.focal_gamma, settings.label_smoothing, weights)
        return cross_entropy(settings.label_smoothing, weights)

    def keep(self, outputs: Tensor, batch: Batch) -> "Kept":
        return outputs.float().cpu().numpy()

    def answers(self, kept: Any, inputs: Inputs) -> Logits:
        return kept  # type: ignore[no-any-return]

    def score(self, kept: Any, inputs: Inputs, labels: Sequence[str], *, finished: bool = False) -> Point:
        logits = self.answers(kept, inputs)
        loss = loss_of(logits, self.codec.numbers(labels))
        return {"loss": loss, **point_scores(self.codec.judge, labels, logits)}

    def finish(self, model: Network) -> None:
        """Nothing to do: logits are the answer."""

    def fitted(self, kept: Any, inputs: Inputs, labels: Sequence[str]) -> "ClassLearning":
        return self  # the likeliest class is the answer
