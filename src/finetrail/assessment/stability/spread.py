"""How far a number varies over trainings. There are few of them, so that every interval assumes normal values."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import stats

from finetrail.evaluation.scores.metric import Metric


@dataclass(frozen=True)
class Ends:
    """The ends of an interval."""

    low: float
    high: float

    def as_json(self) -> list[float]:
        """A list, of which `dvc metrics show` makes no columns."""
        return [self.low, self.high]


@dataclass(frozen=True)
class Spread:
    """A metric over n > 1 trainings.

    Attributes:
        values: in the order of the trainings.
        std: the standard deviation, with n - 1 in the denominator.
        mean_ends, std_ends: of intervals, by Student's t and by chi-squared.
    """

    values: tuple[float, ...]
    mean: float
    std: float
    worst: float
    mean_ends: Ends
    std_ends: Ends

    def as_json(self) -> dict[str, Any]:
        """For stability.json."""
        return {
            "trainings": len(self.values),
            "mean": self.mean,
            "mean_interval": self.mean_ends.as_json(),
            "std": self.std,
            "std_interval": self.std_ends.as_json(),
            "worst": self.worst,
            "values": list(self.values),
        }


def spread_of(values: Sequence[float], metric: Metric, confidence: float) -> Spread:
    """The spread of a metric's values, more than one."""
    array = np.array(values, dtype=np.float64)
    freedom, tail = len(array) - 1, (1 - confidence) / 2
    # Equal values are exactly equal: rounding in the mean must not make a spread of them.
    equal = bool((array == array[0]).all())
    mean, std = (float(array[0]), 0.0) if equal else (float(array.mean()), float(array.std(ddof=1)))
    half = float(stats.t.ppf(1 - tail, freedom)) * std / len(array) ** 0.5
    low, high = (std * (freedom / float(stats.chi2.ppf(end, freedom))) ** 0.5 for end in (1 - tail, tail))
    worst = min(values, key=metric.goodness)
    best = metric.ideal
    ends = Ends(max(mean - half, best), mean + half) if metric.lower else Ends(mean - half, min(mean + half, best))
    return Spread(tuple(array.tolist()), mean, std, float(worst), ends, Ends(low, high))


@dataclass(frozen=True)
class Parts:
    """The variance of a score, told apart by where it comes from.

    Attributes:
        seed_std: of trainings that differ in the seed alone.
        data_std: of trainings on other rows of the same kind, beyond what the seed does.
        seed_share: of the seed in the variance of both; None where nothing varies.
        seed_share_ends: of its interval.
    """

    seed_std: float
    data_std: float
    seed_share: float | None
    seed_share_ends: Ends | None

    def as_json(self) -> dict[str, Any]:
        """For stability.json."""
        known = {} if self.seed_share is None else {"seed_share": self.seed_share}
        ends = {} if self.seed_share_ends is None else {"seed_share_interval": self.seed_share_ends.as_json()}
        return {"seed_std": self.seed_std, "data_std": self.data_std, **known, **ends}


def parts_of(seeds: Spread, resamples: Spread, fraction: float, confidence: float) -> Parts:
    """Tell the variance of the seed and that of the training rows apart.

    Trainings on parts of the rows, each with its own seed, vary by both, so that the data's part is what the seed
    leaves. Parts of one set of rows overlap: their variance is that of fresh sets of rows times (1 - f) / f, f the
    fraction (the delete-d jackknife, Shao & Wu 1989). The ratio of the two variances has an F distribution, from
    which the interval of the share comes.
    """
    factor, tail = fraction / (1 - fraction), (1 - confidence) / 2
    of_seed, of_both = seeds.std**2, resamples.std**2
    data = max(0.0, of_both - of_seed) * factor
    if not of_seed and not of_both:
        return Parts(0.0, 0.0, None, None)

    def share(ratio: float) -> float:
        """Of the seed, where the variance over seeds is so many times that over parts of the rows."""
        ratio = min(1.0, ratio)
        return ratio / (ratio + (1 - ratio) * factor)

    ratio = of_seed / of_both if of_both else np.inf
    freedom = (len(seeds.values) - 1, len(resamples.values) - 1)
    low, high = (share(ratio / float(stats.f.ppf(end, *freedom))) for end in (1 - tail, tail))
    return Parts(seeds.std, data**0.5, share(ratio), Ends(low, high))


def share_ends(hits: int, trials: int, confidence: float) -> Ends:
    """The exact interval of a share (Clopper & Pearson 1934)."""
    found = stats.binomtest(hits, trials).proportion_ci(confidence, method="exact")
    return Ends(float(found.low), float(found.high))
