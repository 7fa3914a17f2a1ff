"""The learning curve: a power law through scores on more and more rows, and what twice the rows would bring."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.optimize import least_squares

from finetrail.assessment.stability.spread import Ends, Spread, spread_of
from finetrail.evaluation.scores.bootstrap import Draws, Floats, Ints
from finetrail.evaluation.scores.metric import Metric

SIZES = 4
"""The fewest sizes: the law has three parameters, and one more says whether it holds."""
_EXPONENTS = (0.02, 3.0)
_STARTS = (0.3, 1.0)


@dataclass(frozen=True)
class Law:
    """The metric on n rows: `limit` minus `gap` times (n / `rows`) ** -`exponent`; plus, where lower is better.

    Attributes:
        rows: of the whole training split.
        gap: how far the score on all rows is from the limit.
    """

    rows: int
    limit: float
    gap: float
    exponent: float
    lower: bool

    def at(self, rows: float) -> float:
        """The metric on so many rows."""
        gap = self.gap * math.pow(rows / self.rows, -self.exponent)
        return self.limit + gap if self.lower else self.limit - gap


@dataclass(frozen=True)
class Curve:
    """A learning curve.

    Attributes:
        points: the spread of the metric by number of rows.
        law: None where there are too few sizes.
        gain: how much better the metric would be on twice the rows, by the law; above 0 is better.
        ends: of its interval, by a parametric bootstrap of each size's mean.
    """

    points: Mapping[int, Spread]
    law: Law | None = None
    gain: float = 0.0
    ends: Ends | None = None

    @property
    def tells(self) -> bool:
        """Whether these trainings can tell that more rows would help."""
        return self.ends is not None and self.ends.low > 0

    def as_json(self) -> dict[str, Any]:
        """For stability.json."""
        found: dict[str, Any] = {"points": [{"rows": rows, **one.as_json()} for rows, one in self.points.items()]}
        if self.law is not None and self.ends is not None:
            found |= {"limit": self.law.limit, "gap": self.law.gap, "exponent": self.law.exponent}
            found |= {"gain_of_twice": self.gain, "gain_interval": self.ends.as_json(), "tells": self.tells}
        return found


def curve_of(values: Mapping[int, Sequence[float]], metric: Metric, draws: Draws) -> Curve:
    """Fit the law. Args: values: of the metric, by number of rows; more than one each."""
    sizes = sorted(values)
    points = {rows: spread_of(values[rows], metric, draws.confidence) for rows in sizes}
    if len(sizes) < SIZES:
        return Curve(points)
    means = np.array([metric.goodness(points[rows].mean) for rows in sizes])
    counts = np.array([len(values[rows]) for rows in sizes])
    errors = np.array([points[rows].std for rows in sizes]) / counts**0.5
    law = _fit(sizes, means, counts, metric)
    # Resampling a handful of trainings would make too little of their spread; Student's t knows how few they are.
    drawn = means + errors * np.random.default_rng(draws.seed).standard_t(counts - 1, (draws.resamples, len(sizes)))
    gains = [_gain(_fit(sizes, again, counts, metric, law), metric) for again in drawn]
    low, high = np.quantile(gains, [(1 - draws.confidence) / 2, (1 + draws.confidence) / 2])
    return Curve(points, law, _gain(law, metric), Ends(float(low), float(high)))


def _gain(law: Law, metric: Metric) -> float:
    return metric.goodness(law.at(2 * law.rows)) - metric.goodness(law.at(law.rows))


def _fit(sizes: Sequence[int], means: Floats, counts: Ints, metric: Metric, near: Law | None = None) -> Law:
    """The law with the least squared distance to the scores of all trainings.

    Args:
        means: of each size's scores, as numbers where higher is better; the spread around them moves no law.
        counts: how many scores there are of each size.
        near: a law to begin with; None: try several.
    """
    whole = sizes[-1]
    shares, weights = np.array(sizes) / whole, counts**0.5
    best, unit = metric.goodness(metric.ideal), float(np.ptp(means))  # scores may be of any size
    if not unit:
        return Law(whole, metric.goodness(float(means[0])), 0.0, 1.0, metric.lower)

    def away(law: Floats) -> Floats:
        limit, gap, exponent = law
        return np.asarray(weights * (limit - gap * shares**-exponent - means) / unit)

    def slopes(law: Floats) -> Floats:
        _, gap, exponent = law
        power = shares**-exponent
        return np.asarray(np.stack([weights, -weights * power, weights * gap * power * np.log(shares)], axis=1) / unit)

    top = min(float(means[-1]), best)
    # More rows may do harm: where chance decides, half of the laws say so.
    bounds = ([-np.inf, -np.inf, _EXPONENTS[0]], [best + unit * 1e-9, np.inf, _EXPONENTS[1]])
    starts = [[min(top + unit / 4, (top + best) / 2), unit / 4, exponent] for exponent in _STARTS]
    if near is not None:
        starts = [[metric.goodness(near.limit), near.gap, near.exponent]]
    fits = [
        least_squares(away, np.clip(start, *bounds), slopes, bounds=bounds, x_scale=[unit, unit, 1.0])
        for start in starts
    ]
    limit, gap, exponent = min(fits, key=lambda one: float(one.cost)).x.tolist()
    return Law(whole, metric.goodness(limit), gap, exponent, metric.lower)
