"""What a classifier learns: a logit for each class."""

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
from finetrail.targets.classes.codec import ClassCodec
from finetrail.targets.classes.losses import class_weights, cross_entropy, focal
from finetrail.targets.classes.metrics import cross_entropy as loss_of
from finetrail.targets.classes.selective import fit_least_confident
from finetrail.targets.classes.settings import ClassTraining
from finetrail.targets.conformal import conformal_quantile
from finetrail.targets.learning import Explained, Loss
from finetrail.targets.logits import Logits
from finetrail.targets.per_row import Each, RowTargets
from finetrail.targets.scaling import fit_temperature

if TYPE_CHECKING:
    from finetrail.targets.learning import Kept


@dataclass(frozen=True)
class ClassLearning:
    """See `finetrail.targets.learning.Learning`. Attributes: coverage, error_rate: see `ClassCodec`."""

    codec: ClassCodec
    coverage: float | None = None
    error_rate: float | None = None

    def head(self, width: int) -> nn.Module:
        return nn.Linear(width, len(self.codec.labels))

    def encode(self, labels: Sequence[str], inputs: Inputs) -> RowTargets:
        return RowTargets.of(self.codec.numbers(labels), inputs)

    def loss(self, settings: ClassTraining, labels: Sequence[str], *, finished: bool = False) -> Loss:
        weights = class_weights(settings.class_weights, self.codec.numbers(labels), len(self.codec.labels))
        if settings.loss == "focal":
            return focal(settings.focal_gamma, settings.label_smoothing, weights)
        return cross_entropy(settings.label_smoothing, weights)

    def from_teacher(self, temperature: float) -> Each:
        return soft.of_one_class(temperature)

    def keep(self, outputs: Tensor, batch: Batch) -> "Kept":
        return outputs.float().cpu().numpy()

    def answers(self, kept: Any, inputs: Inputs) -> Logits:
        return kept  # type: ignore[no-any-return]

    def explained(self, label: str, answers: Logits, inputs: Inputs) -> Explained:
        """The logit of its answer."""
        best = int(answers[0].argmax())
        return Explained(0, (best,), f"the answer {self.codec.labels[best]}")

    def score(self, kept: Any, inputs: Inputs, labels: Sequence[str], *, finished: bool = False) -> Point:
        logits = self.answers(kept, inputs)
        loss = loss_of(logits, self.codec.numbers(labels))
        return {"loss": loss, **point_scores(self.codec.judge, labels, logits)}

    def finish(self, model: Network) -> None:
        """Nothing to do: logits are the answer."""

    def fitted(self, kept: Any, inputs: Inputs, labels: Sequence[str]) -> "ClassLearning":
        logits, y_true = self.answers(kept, inputs), self.codec.numbers(labels)
        codec = replace(self.codec, temperature=fit_temperature(logits, y_true))
        probabilities = np.exp(codec.log_probabilities(logits))
        if self.coverage is not None:
            strange = 1 - probabilities[np.arange(len(y_true)), y_true]
            least = 1 - conformal_quantile(strange, self.coverage)
            codec = replace(codec, coverage=self.coverage, least_probable=least)
        if self.error_rate is not None:
            confidence, right = probabilities.max(axis=1), logits.argmax(axis=1) == y_true
            least = fit_least_confident(confidence, right, self.error_rate)
            codec = replace(codec, error_rate=self.error_rate, least_confident=least)
        return replace(self, codec=codec)
