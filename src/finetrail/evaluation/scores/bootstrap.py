"""Bootstrap intervals: how much a metric, or the difference of two models, depends on the sample of rows.

The percentile bootstrap over rows of Efron & Tibshirani, An Introduction to the Bootstrap (1993), chapters 13 and 16.
All models are scored on the *same* resampled rows, so the difference of two of them is paired.

One function serves every kind of target. A judge states the facts that its metrics need about each row (the actual and
the predicted class; how many spans there are, found and right), and computes metrics from how often each row was drawn.

Rows are drawn by their places, so the draws depend on the number of rows, their order and the seed alone: a model's
interval is the same whichever other models are scored with it. Of rows that are alike for all models, only the count
is scored.

Limit: with few rows per class (fewer than about 15) a resample misses whole classes, so the macro averages of the
resamples and their intervals are too low. Measured for macro F1 of 20 classes, the 95% interval held the true
value in 97% of the trials with 2,000 rows, 92% with 300 and 75% with 100.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from finetrail.evaluation.scores.metric import Metric

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
# Rows times resamples drawn at once: 4M int64 are 32 MB, times a handful of temporaries.
BLOCK = 4_000_000


class Scorer(Protocol):
    """What the bootstrap needs from a judge; see `finetrail.targets.judge.Judge`."""

    def facts(self, labels: Sequence[Any], answers: Any) -> NDArray[Any]:
        """The facts that the metrics need about each row (n, S)."""
        ...

    def scores(self, facts: NDArray[Any], drawn: Ints) -> Mapping[str, Floats]:
        """Every metric (R,), from facts (D, S) and how often each was drawn (R, D)."""
        ...


@dataclass(frozen=True)
class Interval:
    """A point value and the ends of its bootstrap interval."""

    value: float
    low: float
    high: float

    @property
    def holds_zero(self) -> bool:
        """True for a difference that these rows cannot tell from 0."""
        return self.low <= 0.0 <= self.high


@dataclass(frozen=True)
class Draws:
    """The number of resamples, their seed, and the confidence of an interval."""

    resamples: int
    seed: int
    confidence: float = 0.95


@dataclass(frozen=True)
class Resampled:
    """Metrics of m models on the rows (`point`, each (m,)) and on R resamples of them (`draws`, each (m, R))."""

    point: dict[str, Floats]
    draws: dict[str, Floats]

    def interval(self, metric: str, model: int, confidence: float) -> Interval:
        """The metric of one model."""
        return percentiles(self.point[metric][model], self.draws[metric][model], confidence)

    def difference(self, metric: str, model: int, other: int, confidence: float) -> Interval:
        """The paired difference `model` - `other`, taken resample by resample."""
        point, draws = self.point[metric], self.draws[metric]
        return percentiles(point[model] - point[other], draws[model] - draws[other], confidence)

    def interval_of(self, metric: str, function: Callable[[Floats], Floats], confidence: float) -> Interval:
        """A number that is computed from the models' values of a metric: maps (m, ...) to (...)."""
        return percentiles(float(function(self.point[metric])), function(self.draws[metric]), confidence)


def point_scores(judge: Scorer, labels: Sequence[Any], answers: Any) -> dict[str, float]:
    """Every metric of one model on the rows themselves, n > 0."""
    facts = judge.facts(labels, answers)
    once = np.ones((1, len(facts)), dtype=np.int64)
    return {name: float(values[0]) for name, values in judge.scores(facts, once).items()}


def bootstrap(
    judge: Scorer,
    labels: Sequence[Any],
    answers: Sequence[Any],
    draws: Draws,
    *,
    groups: Sequence[object] | None = None,
    block: int = BLOCK,
) -> Resampled:
    """Score models on resampled rows.

    Args:
        labels: of the rows (n,), n > 0.
        answers: of each model, for those rows.
        groups: of the rows (n,): draw whole groups; None: draw single rows.
        block: rows times resamples held at once.
    """
    if not len(labels):
        raise ValueError("there are no rows to resample")
    facts = [judge.facts(labels, of_model) for of_model in answers]
    once = np.ones((1, len(facts[0])), dtype=np.int64)
    point = [judge.scores(of_model, once) for of_model in facts]
    # Join the facts of all models about a row: rows that are alike for all of them are counted together.
    rows, places = np.unique(np.concatenate(facts, axis=1), axis=0, return_inverse=True)
    distinct = np.split(rows, len(facts), axis=1)
    order = np.argsort(places.reshape(-1), kind="stable")
    first = np.searchsorted(places.reshape(-1)[order], np.arange(len(rows)))
    units = _units(len(order), groups)
    found = {name: np.empty((len(facts), draws.resamples)) for name in point[0]}
    generator = np.random.default_rng(draws.seed)
    size = max(1, block // len(order))
    for start in range(0, draws.resamples, size):
        stop = min(start + size, draws.resamples)
        drawn = _drawn(generator, int(units.max()) + 1, stop - start)[:, units[order]]
        counts = np.add.reduceat(drawn, first, axis=1)
        for model, of_model in enumerate(distinct):
            for name, values in judge.scores(of_model, counts).items():
                found[name][model, start:stop] = values
    return Resampled({name: np.array([float(one[name][0]) for one in point]) for name in found}, found)


def mean_drop(resampled: Resampled, metric: Metric, was: int, became: Sequence[int], confidence: float) -> Interval:
    """How much worse a metric is on average over some answers than over others; above 0 is worse.

    Args:
        was, became: their places among the models.
    """

    def drop(values: Floats) -> Floats:
        better = (values[list(became)] - values[was]).mean(axis=0)
        found: Floats = (better if metric.lower else -better) + 0.0
        return found

    return resampled.interval_of(metric.name, drop, confidence)


def intervals(
    judge: Scorer, labels: Sequence[Any], answers: Any, draws: Draws, groups: Sequence[object] | None = None
) -> dict[str, Interval]:
    """Every metric of one model, with its interval. Args: as in `bootstrap`."""
    resampled = bootstrap(judge, labels, [answers], draws, groups=groups)
    return {name: resampled.interval(name, 0, draws.confidence) for name in resampled.point}


def _units(rows: int, groups: Sequence[object] | None) -> Ints:
    """The number of what each row is drawn with (n,): itself, or its group."""
    if groups is None:
        return np.arange(rows)
    keys = [("row", row) if group is None else ("group", group) for row, group in enumerate(groups)]
    numbers = {key: number for number, key in enumerate(dict.fromkeys(keys))}
    return np.array([numbers[key] for key in keys])


def _drawn(generator: np.random.Generator, units: int, resamples: int) -> Ints:
    """How often each unit is drawn (R, U)."""
    picked = generator.integers(0, units, size=(resamples, units), dtype=np.int32)
    places = picked + units * np.arange(resamples)[:, None]
    return np.bincount(places.reshape(-1), minlength=resamples * units).reshape(resamples, units)


def percentiles(value: float, draws: Floats, confidence: float) -> Interval:
    """A value with the range that holds the middle of its draws (R,)."""
    low, high = np.quantile(draws, [(1 - confidence) / 2, (1 + confidence) / 2])
    return Interval(value=float(value), low=float(low), high=float(high))
