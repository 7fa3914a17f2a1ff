"""Fewer answers, and fewer of them wrong: what a classifier gains by abstaining where it is unsure.

The risk-coverage curve: El-Yaniv & Wiener, On the Foundations of Noise-free Selective Classification (2010).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from finetrail.evaluation.scores.bootstrap import Floats

NEVER = 1.1
"""A threshold that no probability reaches."""


@dataclass(frozen=True)
class RiskCoverage:
    """Shares of rows that are answered, the surest first, and the share of wrong answers among them: both (m,)."""

    coverage: Floats
    risk: Floats

    @property
    def area(self) -> float:
        """The mean of the risk over all coverages, from 0 (best) to 1."""
        return float(self.risk.mean()) if len(self.risk) else 0.0


def risk_coverage(confidence: Floats, right: NDArray[np.bool_]) -> RiskCoverage:
    """The curve of these rows (n,), one point for each distinct confidence: rows of one confidence go together."""
    _, counts, wrong = _by_confidence(confidence, right)
    answered = np.cumsum(counts)
    return RiskCoverage(answered / max(1, len(confidence)), np.cumsum(wrong) / np.maximum(1, answered))


def fit_least_confident(confidence: Floats, right: NDArray[np.bool_], error_rate: float) -> float:
    """The lowest confidence from which at most `error_rate` of the answers are wrong; `NEVER` where there is none.

    One more wrong answer than there were is counted, so that a few lucky rows promise nothing.
    """
    values, counts, wrong = _by_confidence(confidence, right)
    allowed = (np.cumsum(wrong) + 1) / (np.cumsum(counts) + 1) <= error_rate
    return float(values[np.flatnonzero(allowed)[-1]]) if allowed.any() else NEVER


def _by_confidence(confidence: Floats, right: NDArray[np.bool_]) -> tuple[Floats, Floats, Floats]:
    """The distinct confidences, the highest first, with the rows and the wrong answers of each."""
    values, place, counts = np.unique(confidence, return_inverse=True, return_counts=True)
    wrong: Floats = np.bincount(place, weights=~right, minlength=len(values)).astype(np.float64)
    return values[::-1], counts[::-1].astype(np.float64), wrong[::-1]
