"""What the gate judges by: the answers of two models to the same rows, and what the models cost."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from finetrail.errors import RefusedError
from finetrail.gate.paired import Right
from finetrail.targets.classes.metrics import Floats, Ints, log_softmax
from finetrail.targets.numbers.numbers import to_numbers
from finetrail.targets.problem import CLASSIFICATION, REGRESSION, ProblemType


@dataclass(frozen=True)
class Said:
    """What a model said to the rows: classes or numbers (n,), and of classes their probabilities (n, K)."""

    predicted: Ints | Floats
    probabilities: Floats | None = None


@dataclass(frozen=True)
class Cost:
    """Of one model: the size of its files, and the median of the milliseconds that a row takes, if it was measured."""

    size_mb: float
    latency_ms: float | None = None


@dataclass(frozen=True)
class Evidence:
    """All that the rules go by.

    Attributes:
        labels: the classes; of numbers empty.
        actual: classes or numbers (n,).
        champion: the best constant answer, where there is no champion yet; then `champion_cost` is None.
        slices: the rows of each declared slice (n,).
        models_scored: on this test split, the challenger included.
    """

    problem: ProblemType
    labels: tuple[str, ...]
    actual: Ints | Floats
    challenger: Said
    champion: Said
    slices: Mapping[str, Right]
    challenger_cost: Cost
    champion_cost: Cost | None
    models_scored: int

    @property
    def first(self) -> bool:
        """Whether there is no champion yet."""
        return self.champion_cost is None


def actual_of(problem: ProblemType, labels: tuple[str, ...], given: list[str]) -> Ints | Floats:
    """The labels of the rows as classes or numbers.

    Raises:
        RefusedError: a row has a label that the model does not know.
    """
    if problem == REGRESSION.name:
        return np.array(to_numbers(given), dtype=np.float64)
    numbers = {label: number for number, label in enumerate(labels)}
    strange = sorted(set(given) - set(numbers))
    if strange:
        raise RefusedError(
            f"the test split has the label {strange[0]!r}, which is none of the {len(labels)} that the model knows; "
            "train one on the present data"
        )
    return np.array([numbers[label] for label in given], dtype=np.int64)


def said_of(problem: ProblemType, outputs: NDArray[np.floating[Any]]) -> Said:
    """The answers of a model by its outputs (n, K)."""
    if problem == REGRESSION.name:
        return Said(outputs[:, 0].astype(np.float64))
    return Said(outputs.argmax(axis=1).astype(np.int64), np.exp(log_softmax(outputs)))


def best_constant(problem: ProblemType, actual: Ints | Floats) -> Said:
    """The answer that serves these rows best, if all get the same: the commonest class, or the mean.

    It is made from the test rows themselves, so that no constant from the training rows does better in accuracy or
    RMSE.
    """
    if problem == CLASSIFICATION.name:
        return Said(np.full(len(actual), np.bincount(actual.astype(np.int64)).argmax(), dtype=np.int64))
    return Said(np.full(len(actual), actual.mean()))
