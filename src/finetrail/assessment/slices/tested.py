"""Whether a slice is worse than the rest, tested on rows that had no part in finding it.

The statistic is the mean error of the slice. Were the slice like the rest, each set of as many rows would be as likely
(a permutation test; Fisher 1935). For errors of 0 and 1 this is Fisher's exact test, computed; for others the sets are
drawn. Slices are tested together, so the p values are corrected by Benjamini & Hochberg (1995).
"""

import hashlib
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from finetrail.evaluation.scores.bootstrap import BLOCK, Floats

Bools = NDArray[np.bool_]
PERMUTATIONS = 9_999
"""Random sets of rows, where errors are not only 0 and 1."""
_ROUNDING = 1e-9
"""Sums of the same errors in another order differ by less."""


def halves(units: Sequence[str], seed: int) -> Bools:
    """Which rows search (n,); the others test. Rows of one unit, such as a document, stay together."""
    digests = (hashlib.sha256(f"{seed}\0{unit}".encode()).digest() for unit in units)
    return np.array([digest[0] % 2 == 0 for digest in digests], dtype=np.bool_)


def p_value(errors: Floats, rows: Bools, seed: int) -> float:
    """The probability that as many rows drawn by chance are at least as wrong on average as these, one-sided.

    Args:
        errors: of n rows; rows: which of them are in the slice (n,).
        seed: of the random sets.
    """
    observed, drawn = float(errors[rows].sum()), int(rows.sum())
    if np.isin(errors, (0.0, 1.0)).all():
        from scipy.stats import hypergeom

        return float(hypergeom.sf(observed - 1, len(errors), errors.sum(), drawn))
    generator = np.random.default_rng(seed)
    as_high, size = 0, max(1, BLOCK // len(errors))
    for start in range(0, PERMUTATIONS, size):
        sets = np.broadcast_to(errors, (min(size, PERMUTATIONS - start), len(errors)))
        sums = generator.permuted(sets, axis=1)[:, :drawn].sum(axis=1)
        as_high += int((sums >= observed * (1 - _ROUNDING)).sum())
    return (1 + as_high) / (1 + PERMUTATIONS)


def corrected(p: Sequence[float]) -> list[float]:
    """For each p value the share of false discoveries at which it is one."""
    from scipy.stats import false_discovery_control

    return [float(one) for one in false_discovery_control(p, method="bh")] if len(p) else []
