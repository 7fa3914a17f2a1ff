"""Bootstrap intervals: how far a metric, or the difference of two models, may be due to the rows that were drawn.

The percentile bootstrap over rows of Efron & Tibshirani, An Introduction to the Bootstrap (1993), chapters 13 and 16.
All models are scored on the *same* resampled rows, so the difference of two of them is paired.

Resampling n rows with replacement only changes how often each distinct row (actual class, class predicted by model 1,
by model 2, ...) occurs, and those counts are multinomial. Drawing them directly costs the number of distinct rows,
not n, and makes the result independent of the order of the rows.

Limit: with few rows a class (fewer than about 15) a resample misses whole classes, and the macro averages of the
resamples, and so their intervals, lie too low. Measured for macro F1 of 20 classes, the 95% interval held the true
value in 97% of the trials with 2,000 rows, 92% with 300 and 75% with 100.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from finetrail.targets.classes.metrics import METRICS, Counts, Floats, Ints, scores
from finetrail.targets.numbers import metrics

# Distinct rows times resamples drawn at once: 4M int64 are 32 MB, times a handful of temporaries.
BLOCK = 4_000_000


@dataclass(frozen=True)
class Interval:
    """A point value and the ends of its bootstrap interval."""

    value: float
    low: float
    high: float

    @property
    def holds_zero(self) -> bool:
        """True for a difference that the rows at hand cannot tell from none."""
        return self.low <= 0.0 <= self.high


@dataclass(frozen=True)
class Resampled:
    """Metrics of m models on the rows (`point`, each (m,)) and on R resamples of them (`draws`, each (m, R))."""

    point: dict[str, Floats]
    draws: dict[str, Floats]

    def interval(self, metric: str, model: int, confidence: float) -> Interval:
        """The metric of one model."""
        return _percentiles(self.point[metric][model], self.draws[metric][model], confidence)

    def difference(self, metric: str, model: int, other: int, confidence: float) -> Interval:
        """The paired difference `model` - `other`, taken resample by resample."""
        point, draws = self.point[metric], self.draws[metric]
        return _percentiles(point[model] - point[other], draws[model] - draws[other], confidence)


def bootstrap(y_true: Ints, predictions: Sequence[Ints], classes: int, *, resamples: int, seed: int) -> Resampled:
    """Score classifiers on resampled rows.

    Args:
        y_true: actual classes (n,), n > 0.
        predictions: the classes (n,) predicted by each model for those rows.
        classes: number of classes K.
        resamples: number R of resamples.
        seed: equal seeds and rows give equal draws, whatever the order of the rows.
    """

    def measure(drawn: Ints, rows: Ints) -> Iterator[dict[str, Floats]]:
        actual = _totals(drawn, rows[:, 0], classes)
        for predicted in rows[:, 1:].T:
            right = predicted == rows[:, 0]
            hits = _totals(drawn[:, right], predicted[right], classes)
            counts = Counts(hits=hits, actual=actual, predicted=_totals(drawn, predicted, classes))
            yield {metric: function(counts) for metric, function in METRICS.items()}

    point = [scores(y_true, y_pred, classes) for y_pred in predictions] if len(y_true) else []
    columns = np.stack([np.asarray(column, dtype=np.int64) for column in (y_true, *predictions)], axis=1)  # (n, 1 + m)
    return _resample(columns, point, measure, resamples, seed)


def bootstrap_numbers(y_true: Floats, predictions: Sequence[Floats], *, resamples: int, seed: int) -> Resampled:
    """Score regressions on resampled rows. Args: as of `bootstrap`, but numbers."""

    def measure(drawn: Ints, rows: Floats) -> Iterator[dict[str, Floats]]:
        for predicted in rows[:, 1:].T:
            yield metrics.weighted_scores(drawn, rows[:, 0], predicted)

    point = [metrics.scores(y_true, y_pred) for y_pred in predictions] if len(y_true) else []
    columns = np.stack([np.asarray(column, dtype=np.float64) for column in (y_true, *predictions)], axis=1)
    return _resample(columns, point, measure, resamples, seed)


def _resample(
    columns: NDArray[Any],
    point: Sequence[Mapping[str, float]],
    measure: Callable[[Ints, NDArray[Any]], Iterator[dict[str, Floats]]],
    resamples: int,
    seed: int,
) -> Resampled:
    """Draw rows.

    Args:
        columns: what is known of each row: the label, and what each of m models says: (n, 1 + m).
        point: the metrics of each model on the rows themselves.
        measure: the metrics of each model, from how often (r, D) each of the different rows (D, 1 + m) was drawn.
    """
    if not len(columns):
        raise ValueError("there are no rows to resample")
    rows, occurrences = np.unique(columns, axis=0, return_counts=True)  # (D, 1 + m), (D,)
    names = list(point[0])
    draws = {metric: np.empty((len(point), resamples)) for metric in names}
    generator = np.random.default_rng(seed)
    block = max(1, BLOCK // len(rows))
    for start in range(0, resamples, block):
        stop = min(start + block, resamples)
        drawn = generator.multinomial(len(columns), occurrences / len(columns), size=stop - start)  # (r, D)
        for model, found in enumerate(measure(drawn, rows)):
            for metric, values in found.items():
                draws[metric][model, start:stop] = values
    return Resampled(point={metric: np.array([one[metric] for one in point]) for metric in names}, draws=draws)


def _totals(drawn: Ints, labels: Ints, classes: int) -> Ints:
    """Add up the columns of each class: (r, D), (D,) -> (r, K)."""
    totals = np.zeros((len(drawn), classes), dtype=np.int64)
    order = np.argsort(labels, kind="stable")
    present, starts = np.unique(labels[order], return_index=True)
    if len(present):
        totals[:, present] = np.add.reduceat(drawn[:, order], starts, axis=1)
    return totals


def _percentiles(value: float, draws: Floats, confidence: float) -> Interval:
    low, high = np.quantile(draws, [(1 - confidence) / 2, (1 + confidence) / 2])
    return Interval(value=float(value), low=float(low), high=float(high))
