"""How sure a reader is of its answer: one temperature for all scores, fitted on validation rows.

Temperature scaling as in Guo et al., On Calibration of Modern Neural Networks (ICML 2017), for the event that the given
answer is right: spans that differ by an article are all right, and the right one may not be among the likeliest.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from finetrail.evaluation.scores.bootstrap import Floats

_FLATTEST, _SHARPEST = 20.0, 0.05
_GRID = 121


def probabilities(logits: Floats, temperature: float) -> Floats:
    """The probability of each of some answers (n,): the softmax."""
    weights = np.exp((logits - logits.max(initial=-np.inf)) / temperature)
    shares: Floats = weights / weights.sum()
    return shares


def top_probability(logits: Floats, temperature: float) -> float:
    """The probability of the likeliest of some answers; 1 where there is none."""
    return float(probabilities(logits, temperature).max()) if len(logits) else 1.0


def fit_temperature(logits: Sequence[Floats], right: NDArray[np.bool_]) -> float:
    """The temperature with which `top_probability` says best how often the answers are right.

    The cross-entropy, with Platt's smoothed targets, is searched on a grid twice, so that machines that add up in
    another order agree.

    Args:
        logits: of the answers that each row may have.
        right: whether the likeliest is right (n,).

    Returns:
        0.05 to 20, with three digits; 1 without rows.
    """
    if not len(logits):
        return 1.0
    positives, negatives = int(right.sum()), int((~right).sum())
    wanted = np.where(right, (positives + 1) / (positives + 2), 1 / (negatives + 2))
    widest = max(map(len, logits), default=0)
    table = np.full((len(logits), max(1, widest)), -np.inf)
    for row, one in enumerate(logits):
        table[row, : len(one)] = one - one.max(initial=-np.inf) if len(one) else 0.0
    table[[not len(one) for one in logits], 0] = 0.0
    low, high = np.log(_SHARPEST), np.log(_FLATTEST)
    for _ in range(2):
        grid = np.linspace(low, high, _GRID)
        best = grid[int(np.argmin([_loss(table, wanted, float(np.exp(one))) for one in grid]))]
        step = (high - low) / (_GRID - 1)
        low, high = max(low, best - step), min(high, best + step)
    return float(f"{np.exp(best):.3g}")


def _loss(table: Floats, wanted: Floats, temperature: float) -> float:
    top = 1 / np.exp(table / temperature).sum(axis=1)
    top = np.clip(top, 1e-12, 1 - 1e-12)
    return float(-(wanted * np.log(top) + (1 - wanted) * np.log1p(-top)).mean())
