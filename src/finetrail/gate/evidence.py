"""What the gate judges by: the answers of two models to the same rows, and what the models cost."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from finetrail.evaluation.scores.metric import Metric
from finetrail.gate.paired import Right
from finetrail.targets.judge import Judge


@dataclass(frozen=True)
class Cost:
    """The cost of one model: the size of its files, and its median milliseconds per row, if measured."""

    size_mb: float
    latency_ms: float | None = None


@dataclass(frozen=True)
class Perturbed:
    """Answers of both models to the same validation rows, as they are and perturbed.

    Attributes:
        ways: the perturbations and severities, for people: who leaves hard ones out has an easier rule.
        labels, groups: of the rows (n,).
        challenger, champion: answers to these rows as they are, and then under each perturbation at each severity; of
            the champion none where there is no champion yet.
    """

    ways: str
    labels: Sequence[Any]
    groups: Sequence[object]
    challenger: Sequence[Any]
    champion: Sequence[Any]


@dataclass(frozen=True)
class Evidence:
    """Everything that the rules look at.

    Attributes:
        judge: of the challenger's answers, whose labels the champion knows in the same order.
        metric: the one that section `gate` names.
        labels: of the rows (n,).
        challenger, champion: their answers to these rows; where there is no champion yet, the best constant answer
            stands in for it, and `champion_cost` is None.
        groups: of the rows (n,), None for a row without one.
        slices: the rows of each declared slice (n,).
        models_scored: how many, on this test split, the challenger included.
        perturbed: answers to perturbed validation rows; None where no rule asks for them.
    """

    judge: Judge
    metric: Metric
    labels: Sequence[Any]
    challenger: Any
    champion: Any
    groups: Sequence[object]
    slices: Mapping[str, Right]
    challenger_cost: Cost
    champion_cost: Cost | None
    models_scored: int
    perturbed: Perturbed | None = None

    @property
    def first(self) -> bool:
        """Whether there is no champion yet."""
        return self.champion_cost is None
