"""How well probabilities rank the rows of one class: its precision-recall curve and the average precision under it.

As scikit-learn's `average_precision_score` and `precision_recall_curve` define them: rows of equal probability are one
step of the curve, and each step weights its precision by the recall that it adds. A step without a positive row adds
none. So all rows from one step with positives to the next are added up at once, which makes rare classes cheap.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Bools = NDArray[np.bool_]
Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Probabilities = NDArray[np.floating[Any]]
"""As a model gives them, of any precision."""
Places = NDArray[np.intp]


@dataclass(frozen=True)
class Ranking:
    """The rows for one class by falling probability, in G steps; each ends with the last row that equals a positive.

    Attributes:
        rows: row numbers (m,), m <= n: those after the last step change nothing and are left out.
        starts: (G,) where in `rows` each step begins.
        positives: the row numbers of the class (P,), in the same order.
        first_positives: (G,) where in `positives` each step begins.
    """

    rows: Places
    starts: Places
    positives: Places
    first_positives: Places


def rank(actual: Bools, probabilities: Probabilities) -> Ranking:
    """Rank the rows for one class, from whether each has the class (n,) and its probability (n,)."""
    order = np.argsort(-probabilities, kind="stable")
    falling = probabilities[order]
    places = np.flatnonzero(actual[order])
    last_of_equals = np.append(np.flatnonzero(np.diff(falling)), len(falling) - 1)
    ends = np.unique(last_of_equals[np.searchsorted(last_of_equals, places)])
    starts = np.append(0, ends[:-1] + 1)[: len(ends)]
    return Ranking(
        rows=order[: ends[-1] + 1] if len(ends) else order[:0],
        starts=starts,
        positives=order[places],
        first_positives=np.searchsorted(places, starts),
    )


def curve(ranking: Ranking, weights: Floats) -> tuple[Floats, Floats]:
    """Recall and precision after each step, for R weightings of the rows at once.

    Args:
        ranking: of at least one positive row.
        weights: (n, R); 1 counts a row once.

    Returns:
        Recall and precision, (G, R) each; 0 where no row of the class, or no row at all, has a weight.
    """
    found = np.cumsum(np.add.reduceat(weights[ranking.positives], ranking.first_positives, axis=0), axis=0)
    taken = np.cumsum(np.add.reduceat(weights[ranking.rows], ranking.starts, axis=0), axis=0)
    return _ratio(found, found[-1]), _ratio(found, taken)


def average_precision(ranking: Ranking, weights: Floats) -> Floats:
    """The average precision (R,) for weights (n, R); 0 where no row of the class has a weight."""
    if not len(ranking.positives):
        return np.zeros(weights.shape[1])
    recall, precision = curve(ranking, weights)
    area: Floats = (np.diff(recall, axis=0, prepend=0.0) * precision).sum(axis=0)
    return area


def _ratio(numerator: Floats, denominator: Floats) -> Floats:
    result = np.zeros_like(numerator)
    np.divide(numerator, denominator, out=result, where=denominator > 0)
    return result
