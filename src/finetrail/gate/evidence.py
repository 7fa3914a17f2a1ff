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

    @property
    def first(self) -> bool:
        """Whether there is no champion yet."""
        return self.champion_cost is None
