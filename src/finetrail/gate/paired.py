"""Two models on the same rows: McNemar's test, and how far their shares of right answers may lie apart."""

import numpy as np
from numpy.typing import NDArray

from finetrail.evaluation.scores.bootstrap import Floats, Interval

Right = NDArray[np.bool_]
"""Whether a model is right, one per row (n,)."""
Values = Right | Floats
"""The same, or how right it is."""


def mcnemar(only_one: int, only_other: int) -> float:
    """The exact two-sided p of McNemar's test: may two models that err alike differ so much?

    If they err alike, each is as likely to be the right one where only one is right: a binomial with p = 1/2.
    Dietterich, Approximate Statistical Tests for Comparing Supervised Classification Learning Algorithms (1998),
    finds that of the tests on one test set this one errs least. The sum uses whole numbers, so it is exact.

    Args:
        only_one, only_other: rows that one model has right and the other wrong, and the other way round.
    """
    rows = only_one + only_other
    ways = term = 1
    for chosen in range(min(only_one, only_other)):
        term = term * (rows - chosen) // (chosen + 1)
        ways += term
    p: float = 2 * ways / (1 << rows)
    return min(1.0, p)


def mean_difference(one: Values, other: Values, *, confidence: float, resamples: int, seed: int) -> Interval:
    """The mean of `one` less that of `other`, with its paired bootstrap interval. A right answer counts 1.

    Rows with the same difference are alike, so resampling rows means drawing how many there are of each; see
    `evaluation.scores.bootstrap`.

    Args:
        one, other: of the same rows (n,), n > 0.
    """
    rows = len(one)
    gaps, counts = np.unique(one.astype(np.float64) - other, return_counts=True)
    draws = np.random.default_rng(seed).multinomial(rows, counts / rows, size=resamples)
    low, high = np.quantile(draws @ gaps / rows, [(1 - confidence) / 2, (1 + confidence) / 2])
    return Interval(value=float(counts @ gaps / rows), low=float(low), high=float(high))
