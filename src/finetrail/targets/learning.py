"""What stage `train` asks of a kind of problem: outputs, targets, the loss's options, scores, and what is left over."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, cast

import numpy as np

from finetrail.errors import TrainingError
from finetrail.models.network import Classifier
from finetrail.runs.curves import Point
from finetrail.targets.classes import metrics
from finetrail.targets.losses import LossOptions, class_weights, regression_loss
from finetrail.targets.numbers import metrics as numbers
from finetrail.targets.numbers.numbers import to_numbers
from finetrail.targets.problem import CLASSIFICATION, REGRESSION, ProblemType
from finetrail.training.settings import Training

PREDICTION = "prediction"
"""The name of the one output of a regression."""


class Learning(Protocol):
    """A kind of problem, with what it took from the training labels."""

    @property
    def outputs(self) -> list[str]:
        """The names of the model's outputs."""
        ...

    def targets(self, labels: Sequence[str]) -> np.ndarray:
        """What the loss compares the outputs with (N,)."""
        ...

    def loss_options(self, targets: np.ndarray) -> LossOptions:
        """How the settings want the loss. Args: targets: of the training rows."""
        ...

    def score(self, outputs: np.ndarray, targets: np.ndarray) -> Point:
        """Loss and metrics of what the model says (N, K) while it trains."""
        ...

    def finish(self, model: Classifier) -> None:
        """Make a trained model, whose adaptation is merged, answer as it is served."""
        ...

    def score_finished(self, outputs: np.ndarray, targets: np.ndarray) -> Point:
        """As `score`, of what the finished model says."""
        ...

    def answers(self, outputs: np.ndarray) -> dict[str, Any]:
        """The columns of predictions.parquet: what the finished model says."""
        ...

    def described(self) -> dict[str, Any]:
        """What metrics.json says of the training labels."""
        ...


@dataclass(frozen=True)
class ClassificationLearning:
    """One of several classes an example."""

    classes: list[str]
    settings: Training

    @classmethod
    def of(cls, labels: Sequence[str], settings: Training) -> "ClassificationLearning":
        return cls(sorted(set(labels)), settings)

    @property
    def outputs(self) -> list[str]:
        return self.classes

    def targets(self, labels: Sequence[str]) -> np.ndarray:
        """Class numbers."""
        numbers = {label: number for number, label in enumerate(self.classes)}
        return np.array([numbers[label] for label in labels], dtype=np.int64)

    def loss_options(self, targets: np.ndarray) -> LossOptions:
        settings = self.settings
        return LossOptions(
            label_smoothing=settings.label_smoothing,
            class_weights=class_weights(settings.class_weights, targets, len(self.classes)),
            focal_gamma=settings.focal_gamma if settings.loss == "focal" else None,
        )

    def score(self, outputs: np.ndarray, targets: np.ndarray) -> Point:
        loss = metrics.cross_entropy(outputs, targets)
        return {"loss": loss, **metrics.scores(targets, outputs.argmax(axis=1), outputs.shape[1])}

    def finish(self, model: Classifier) -> None:
        """It does already."""

    def score_finished(self, outputs: np.ndarray, targets: np.ndarray) -> Point:
        return self.score(outputs, targets)

    def answers(self, outputs: np.ndarray) -> dict[str, Any]:
        return {"logits": list(outputs)}

    def described(self) -> dict[str, Any]:
        return {"labels": self.classes}


@dataclass(frozen=True)
class RegressionLearning:
    """One number an example.

    While the model trains its targets have mean 0 and standard deviation 1, whatever unit the labels are in: so
    learning rates, Huber's delta and the size of the head's first weights mean the same for prices and for degrees. In
    the end both go into the head, and the model answers in the unit of the labels.
    """

    mean: float
    std: float
    settings: Training

    @classmethod
    def of(cls, labels: Sequence[str], settings: Training) -> "RegressionLearning":
        """Raises: TrainingError: all labels are the same."""
        values = np.array(to_numbers(labels))
        mean, std = float(values.mean()), float(values.std())
        if values.min() == values.max():
            raise TrainingError(
                f"all {len(values)} training rows have the label {values[0]:g}: there is nothing to learn; add rows "
                "with other numbers, or split by `stratified`"
            )
        # A model answers in float32, which holds seven digits.
        if not np.isfinite(std) or std <= 1e-6 * abs(mean):
            raise TrainingError(
                f"the training labels vary by {std:g} around {mean:g}, which is more than a model can tell in float32; "
                "subtract or divide by a constant in the source"
            )
        return cls(mean, std, settings)

    @property
    def outputs(self) -> list[str]:
        return [PREDICTION]

    def targets(self, labels: Sequence[str]) -> np.ndarray:
        """Standardised numbers, by mean and standard deviation of the training labels."""
        return ((np.array(to_numbers(labels)) - self.mean) / self.std).astype(np.float32)

    def loss_options(self, targets: np.ndarray) -> LossOptions:
        return LossOptions(distance=self.settings.loss, huber_delta=self.settings.huber_delta)

    def score(self, outputs: np.ndarray, targets: np.ndarray) -> Point:
        """The loss is that of the standardised numbers, as in the training curve; the metrics are in their own unit."""
        import torch

        loss = regression_loss(self.loss_options(targets))
        value = float(loss(torch.from_numpy(outputs), torch.from_numpy(targets), {}))
        return {"loss": value, **numbers.scores(self._in_unit(targets), self._in_unit(outputs[:, 0]))}

    def finish(self, model: Classifier) -> None:
        model.rescale(self.std, self.mean)

    def score_finished(self, outputs: np.ndarray, targets: np.ndarray) -> Point:
        return self.score(((outputs.astype(np.float64) - self.mean) / self.std).astype(np.float32), targets)

    def answers(self, outputs: np.ndarray) -> dict[str, Any]:
        return {PREDICTION: outputs[:, 0]}

    def described(self) -> dict[str, Any]:
        return {"target": {"mean": self.mean, "std": self.std}}

    def _in_unit(self, standardised: np.ndarray) -> np.ndarray:
        return standardised.astype(np.float64) * self.std + self.mean


_LEARNING: Mapping[ProblemType, type[ClassificationLearning] | type[RegressionLearning]] = {
    CLASSIFICATION.name: ClassificationLearning,
    REGRESSION.name: RegressionLearning,
}


def learn(problem: ProblemType, labels: Sequence[str], settings: Training) -> Learning:
    """How a kind of problem is learned from these training labels. Raises: TrainingError: it cannot be."""
    return cast(Learning, _LEARNING[problem].of(labels, settings))
