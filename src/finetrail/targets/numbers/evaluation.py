"""All that is measured on a regression's predictions, in one call: what the test stage writes and the report shows."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

import numpy as np

from finetrail.errors import ModelError
from finetrail.evaluation.bootstrap import Interval, bootstrap_numbers
from finetrail.targets.classes.metrics import Floats
from finetrail.targets.numbers.metrics import scores
from finetrail.targets.problem import REGRESSION

RANGES = 5
"""Ranges of the label that errors are told apart by."""
FEWEST = 20
"""Rows of a range: the mean error of fewer says little."""


@dataclass(frozen=True)
class NumberAnswer:
    """A row, and what the model said to it."""

    id: str
    actual: float
    predicted: float

    @property
    def error(self) -> float:
        """Above 0 where the model said too much."""
        return self.predicted - self.actual


@dataclass(frozen=True)
class Range:
    """The rows whose label lies from `low` to `high`: mean absolute error, and mean error (above 0: too much)."""

    low: float
    high: float
    rows: int
    mae: float
    bias: float


@dataclass(frozen=True)
class RegressionEvaluation:
    """One model on one split. `metrics` holds those of the problem, in that order.

    Attributes:
        baseline: the same metrics of answering the mean of the training labels, which is `mean`, to everything.
        actual, predicted: (n,), in the order of the rows.
        bias: the mean error; above 0 the model says too much on the whole.
        ranges: rows by the size of their label.
        mistakes: the largest errors first.
        shown: rows to draw, as many as a page can take.
    """

    rows: int
    metrics: Mapping[str, Interval]
    confidence: float
    resamples: int
    mean: float
    baseline: Mapping[str, float]
    actual: Floats
    predicted: Floats
    bias: float
    ranges: tuple[Range, ...]
    mistakes: tuple[NumberAnswer, ...]
    shown: tuple[NumberAnswer, ...]

    def as_json(self, split: str) -> dict[str, object]:
        """The content of metrics.json: nested, so that `dvc metrics` shows `test.rmse` and so on."""
        absolute = np.abs(self.predicted - self.actual)
        parts = {"median": 0.5, "90%": 0.9, "largest": 1.0}
        return {
            split: {name: interval.value for name, interval in self.metrics.items()},
            "intervals": {
                "confidence": self.confidence,
                "resamples": self.resamples,
                **{name: {"low": interval.low, "high": interval.high} for name, interval in self.metrics.items()},
            },
            "baseline": {"mean_of_train": self.mean, **self.baseline},
            "errors": {"bias": self.bias}
            | {f"absolute_{name}": float(np.quantile(absolute, part)) for name, part in parts.items()},
            "ranges": [asdict(one) for one in self.ranges],
        }


def evaluate_regression(
    ids: Sequence[str],
    y_true: Floats,
    y_pred: Floats,
    *,
    mean: float,
    confidence: float,
    resamples: int,
    seed: int,
    worst: int = 50,
    shown: int = 1500,
) -> RegressionEvaluation:
    """Measure one model's answers.

    Args:
        ids: one a row (n).
        y_true, y_pred: actual and predicted numbers (n,), n > 0.
        mean: of the training labels.
        confidence, resamples, seed: of the bootstrap intervals.
        worst: how many of the largest errors to keep.
        shown: how many rows to draw: those with the smallest ids, which look random.

    Raises:
        ModelError: an answer is not finite.
    """
    broken = int((~np.isfinite(y_pred)).sum())
    if broken:
        raise ModelError(
            f"the model answers {broken} of {len(y_true)} rows with NaN or infinity, but every answer must be a finite "
            "number: train it again with a lower learning rate or in fp32"
        )
    resampled = bootstrap_numbers(y_true, [y_pred], resamples=resamples, seed=seed)
    answers = [NumberAnswer(*row) for row in zip(ids, y_true.tolist(), y_pred.tolist(), strict=True)]
    return RegressionEvaluation(
        rows=len(y_true),
        metrics={one.name: resampled.interval(one.name, 0, confidence) for one in REGRESSION.metrics},
        confidence=confidence,
        resamples=resamples,
        mean=mean,
        baseline=scores(y_true, np.full(len(y_true), mean)),
        actual=y_true,
        predicted=y_pred,
        bias=float((y_pred - y_true).mean()),
        ranges=_ranges(y_true, y_pred),
        mistakes=tuple(sorted(answers, key=lambda one: (-abs(one.error), one.id))[:worst]),
        shown=tuple(sorted(answers, key=lambda one: one.id)[:shown]),
    )


def _ranges(y_true: Floats, y_pred: Floats) -> tuple[Range, ...]:
    """Ranges of about as many rows each; equal labels are in one of them."""
    count = max(1, min(RANGES, len(y_true) // FEWEST))
    ordered = np.sort(y_true)
    starts = np.unique([ordered[len(ordered) * place // count] for place in range(1, count)])
    number = np.searchsorted(starts, y_true, side="right") if len(starts) else np.zeros(len(y_true), dtype=np.int64)
    found = []
    for one in np.unique(number):
        inside = number == one
        error = y_pred[inside] - y_true[inside]
        low, high = float(y_true[inside].min()), float(y_true[inside].max())
        found.append(Range(low, high, int(inside.sum()), float(np.abs(error).mean()), float(error.mean())))
    return tuple(found)
