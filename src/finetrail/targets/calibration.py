"""Calibration: when the model says 80%, is it right in 80% of the cases?

Expected calibration error and reliability diagram: Guo et al., On Calibration of Modern Neural Networks (ICML 2017).
Brier score: Brier, Verification of Forecasts Expressed in Terms of Probability (1950), the sum over all classes.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from finetrail.evaluation.scores.bootstrap import Floats, Ints


@dataclass(frozen=True)
class Bin:
    """The rows whose confidence lies in (low, high]; mean confidence and share of right answers, 0 for an empty bin."""

    low: float
    high: float
    rows: int
    confidence: float
    accuracy: float


@dataclass(frozen=True)
class Calibration:
    """How far probabilities can be trusted.

    Attributes:
        ece: expected calibration error, from 0 (best) to 1.
        brier: Brier score, from 0 (best) to 2.
        nll: mean negative log-likelihood of the actual classes, in nats; 0 is best.
        confidence: the mean probability of the predicted class.
    """

    ece: float
    brier: float
    nll: float
    confidence: float
    bins: tuple[Bin, ...]

    @property
    def accuracy(self) -> float:
        """The share of right answers."""
        return sum(one.rows * one.accuracy for one in self.bins) / max(1, sum(one.rows for one in self.bins))


@dataclass(frozen=True)
class Calibrated:
    """The same answers, with the probabilities of the training and with those that are served."""

    before: Calibration
    after: Calibration


def calibration(log_probabilities: Floats, y_true: Ints, bins: int = 15) -> Calibration:
    """Compare the probability of the predicted class with how often it is right.

    Args:
        log_probabilities: logarithms of the probabilities (n, K), whose rows sum to 1, n > 0.
        y_true: actual classes (n,).
        bins: number of bins of equal width; Guo et al. use 15.
    """
    probabilities = np.exp(log_probabilities)
    given_to_actual = probabilities[np.arange(len(y_true)), y_true]
    confidence = probabilities.max(axis=1)
    return Calibration(
        # The square of (p - one-hot), expanded: no second (n, K) array.
        brier=float(((probabilities**2).sum(axis=1) - 2 * given_to_actual + 1).mean()),
        nll=float(-log_probabilities[np.arange(len(y_true)), y_true].mean()),
        confidence=float(confidence.mean()),
        **_binned(confidence, probabilities.argmax(axis=1) == y_true, bins),
    )


def calibration_of(confidence: Floats, right: NDArray[np.bool_], bins: int = 15) -> Calibration:
    """The same where all that is known of an answer is how likely it is right.

    Args:
        confidence: the probability of each answer (n,), n > 0.
        right: whether it is right (n,).
    """
    given = np.clip(np.where(right, confidence, 1 - confidence), 1e-12, 1.0)
    return Calibration(
        brier=float(2 * ((confidence - right) ** 2).mean()),  # the sum over the two classes right and wrong
        nll=float(-np.log(given).mean()),
        confidence=float(confidence.mean()),
        **_binned(confidence, right, bins),
    )


def _binned(confidence: Floats, right: NDArray[np.bool_], bins: int) -> dict[str, Any]:
    """The expected calibration error and its bins."""
    edges = np.linspace(0.0, 1.0, bins + 1)
    # side="left" makes the bins (low, high]; the clip takes in a confidence that rounding lifted above 1.
    index = np.clip(np.searchsorted(edges, confidence, side="left") - 1, 0, bins - 1)
    rows = np.bincount(index, minlength=bins)
    divisor = np.maximum(rows, 1)
    mean_confidence = np.bincount(index, weights=confidence, minlength=bins) / divisor
    mean_accuracy = np.bincount(index, weights=right.astype(np.float64), minlength=bins) / divisor
    return {
        "ece": float((rows * np.abs(mean_confidence - mean_accuracy)).sum() / max(1, len(right))),
        "bins": tuple(
            Bin(float(low), float(high), int(n), float(said), float(was))
            for low, high, n, said, was in zip(edges, edges[1:], rows, mean_confidence, mean_accuracy, strict=False)
        ),
    }


def yes_or_no(log_odds: Floats) -> Floats:
    """Logarithms of the probabilities of no and yes (n, 2), from the log-odds of yes (n,)."""
    return -np.stack([np.logaddexp(0, log_odds), np.logaddexp(0, -log_odds)], axis=1)
