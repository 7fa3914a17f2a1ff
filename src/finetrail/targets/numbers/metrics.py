"""Regression metrics on numpy alone, vectorised over resamples.

torchmetrics costs each stage 9 seconds of import, and neither it nor scipy takes many resamples at once: the bootstrap
counts how often each row was drawn, and every metric here is a function of rows and their counts, Spearman's ranks too.

Conventions are those of scikit-learn and scipy, except where these give no value: R² of labels that are all the same is
1 if the answers are right and else 0, and a correlation with a constant is 0, so that a model that always answers the
same gets no NaN.
"""

import numpy as np
from numpy.typing import NDArray

from finetrail.evaluation.scores.bootstrap import Floats, Ints


def scores(y_true: Floats, y_pred: Floats) -> dict[str, float]:
    """Every metric for one set of predictions (n,), n > 0."""
    once = np.ones((1, len(y_true)), dtype=np.int64)
    return {name: float(values[0]) for name, values in weighted_scores(once, y_true, y_pred).items()}


def weighted_scores(counts: Ints, y_true: Floats, y_pred: Floats) -> dict[str, Floats]:
    """Every metric for R resamples at once: (R,) each.

    Args:
        counts: how often each row was drawn (R, n); every resample has at least one row.
        y_true, y_pred: (n,).
    """
    # NaN stays NaN; the caller checks for it.
    with np.errstate(invalid="ignore", over="ignore"):
        return _weighted(counts, y_true, y_pred)


def _weighted(counts: Ints, y_true: Floats, y_pred: Floats) -> dict[str, Floats]:
    weights = counts.astype(np.float64)
    weights /= weights.sum(axis=1, keepdims=True)
    # A mean of squares minus the square of a mean loses digits if the mean is large, so centre the values first.
    actual, error = y_true - y_true.mean(), y_pred - y_true
    mse, mae, mean, square = (weights @ column for column in (error**2, np.abs(error), actual, actual**2))
    spread = _spread(square - mean**2, square)
    return {
        "pearson": _correlation(weights, *(np.broadcast_to(y - y.mean(), weights.shape) for y in (y_true, y_pred))),
        "spearman": _correlation(weights, *(_ranks(weights, y) for y in (y_true, y_pred))),
        "r2": np.where(spread > 0, 1 - mse / np.where(spread > 0, spread, 1), (mse == 0).astype(np.float64)),
        "mae": mae,
        "rmse": np.sqrt(mse),
    }


def _correlation(weights: Floats, one: Floats, other: Floats) -> Floats:
    """Pearson's, of values (R, n) with weights (R, n) whose rows sum to 1."""
    mean_one, mean_other = (weights * one).sum(axis=1), (weights * other).sum(axis=1)
    squares = [(weights * value**2).sum(axis=1) for value in (one, other)]
    spreads = [_spread(square - mean**2, square) for square, mean in zip(squares, (mean_one, mean_other), strict=True)]
    together = (weights * one * other).sum(axis=1) - mean_one * mean_other
    product = np.sqrt(spreads[0] * spreads[1])
    found: Floats = np.where(product > 0, together / np.where(product > 0, product, 1), 0.0)
    return found.clip(-1, 1)


def _spread(variance: Floats, square: Floats) -> Floats:
    """Variances; 0 where only rounding is left of them."""
    found: Floats = np.where(variance > 1e-13 * square, variance, 0.0)
    return found


def _ranks(weights: Floats, values: Floats) -> Floats:
    """The rank of each value within each resample, as a share from -0.5 to 0.5; equal ones share the middle: (R, n)."""
    _, groups = np.unique(values, return_inverse=True)
    order: NDArray[np.intp] = np.argsort(groups, kind="stable")
    starts = np.flatnonzero(np.diff(groups[order], prepend=-1))
    totals = np.add.reduceat(weights[:, order], starts, axis=1)  # (R, different values)
    middles = np.cumsum(totals, axis=1) - totals / 2 - 0.5
    found: Floats = middles[:, groups]
    return found
