"""The progress and the result of a training."""

from dataclasses import asdict, dataclass, field
from typing import Any

from finetrail.evaluation.scores.metric import Point


@dataclass
class Fitted:
    """What a training has done so far.

    Attributes:
        step: optimiser steps.
        samples: examples trained on, repeats included.
        seconds: of work, including the work before a crash up to the resumed checkpoint.
        activations: bytes that a forward pass keeps for the backward pass.
        rate: the learning rate of the last step.
        best: the best value of the metric, as a number where higher is better.
        best_file: the file with the weights of that evaluation.
        best_epoch: epochs at the best evaluation; whole where evaluations are once an epoch.
        train_curve: one point every `log_every` optimiser steps: step, epoch, loss, learning_rate, gradient_norm.
        val_curve: one point per evaluation: epoch, step, loss and the scores.
        pending: number, loss and norm of each step since the last point of the training curve.
        skipped: the steps that changed no weights, because a loss or gradient was NaN or infinite.
    """

    step: int = 0
    samples: int = 0
    seconds: float = 0.0
    activations: int = 0
    rate: float = 0.0
    best: float = float("-inf")
    best_file: str = ""
    best_step: int = 0
    best_epoch: float = 0.0
    train_curve: list[Point] = field(default_factory=list)
    val_curve: list[Point] = field(default_factory=list)
    pending: list[list[float]] = field(default_factory=list)
    skipped: list[int] = field(default_factory=list)

    @property
    def epochs(self) -> float:
        """How many, up to the last evaluation."""
        return self.val_curve[-1]["epoch"] if self.val_curve else 0

    def as_json(self) -> dict[str, Any]:
        """For a checkpoint."""
        return asdict(self)

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> "Fitted":
        """From a checkpoint."""
        return cls(**values)
