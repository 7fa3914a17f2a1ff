"""Scores of a model in a domain without labels. Of each, higher is better.

None of them can be right always: each has a kind of bad model that it takes for a good one (Musgrave et al. 2022).
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from finetrail.evaluation.scores.bootstrap import Floats

TEMPERATURE = 0.05
"""Of the similarities in `density`, as in its paper."""
_BLOCK = 4_000_000
"""Similarities held at once."""


def certainty(answers: Floats) -> float:
    """How sure the model is: 1 - the mean entropy of its answers, in parts of the largest one possible.

    Fooled by a model that surely answers one class to all rows.

    Args:
        answers: probabilities (m, K), K > 1.
    """
    return 1 - float(_entropies(answers).mean() / np.log(answers.shape[1]))


def density(answers: Floats) -> float:
    """How many rows have answers like each row's: soft neighbourhood density (SND; Saito et al. 2021).

    The mean entropy of the similarities of each row to all others, in parts of the largest one possible.
    Fooled by a model that answers the same to all rows, sure or not.

    Args:
        answers: probabilities (m, K), m > 2.
    """
    units = answers / np.linalg.norm(answers, axis=1, keepdims=True)
    total, size = 0.0, max(1, _BLOCK // len(units))
    for start in range(0, len(units), size):
        similarities = units[start : start + size] @ units.T / TEMPERATURE
        own = np.arange(len(similarities))
        similarities[own, start + own] = -np.inf
        exponents = np.exp(similarities - similarities.max(axis=1, keepdims=True))
        total += float(_entropies(exponents / exponents.sum(axis=1, keepdims=True)).sum())
    return total / len(units) / float(np.log(len(units) - 1))


def diversity(answers: Floats) -> float:
    """How sure the model is while it answers many classes: the nuclear norm of its answers (BNM; Cui et al. 2020).

    In parts of the largest one possible: all sure, and all classes equally often. Fooled where classes are rare.

    Args:
        answers: probabilities (m, K).
    """
    rows, classes = answers.shape
    return float(np.linalg.norm(answers, "nuc") / np.sqrt(rows * min(rows, classes)))


def weighted_mean(scores: Floats, weights: Floats) -> float:
    """The mean score of labelled rows that count as much as the other domain has rows like them.

    Importance-weighted validation (Sugiyama et al. 2007) with the control variate of DEV (You et al. 2019), which
    keeps a few large weights from deciding. Fooled where the other domain has rows unlike any that are labelled.

    Args:
        scores: of the rows (n,), such as whether each is right; higher is better.
        weights: see `finetrail.evaluation.shift.importance` (n,).
    """
    weighted, variance = weights * scores, weights.var()
    slope = np.mean((weighted - weighted.mean()) * (weights - weights.mean())) / variance if variance > 0 else 0.0
    return float(weighted.mean() - slope * (weights.mean() - 1))


def _entropies(shares: Floats) -> Floats:
    """The entropy of each row of shares (n, K) in nats (n,)."""
    found: Floats = -np.where(shares > 0, shares * np.log(np.where(shares > 0, shares, 1)), 0).sum(axis=1)
    return found


@dataclass(frozen=True)
class Validator:
    """Attributes: score: of probabilities (m, K), higher is better; why: one might rank by it, in a few words."""

    name: str
    score: Callable[[Floats], float]
    why: str


VALIDATORS = {
    one.name: one
    for one in (
        Validator("entropy", certainty, "sure answers; fooled by one class for all rows"),
        Validator("snd", density, "rows whose answers lie close together; fooled by one answer for all rows"),
        Validator("bnm", diversity, "sure answers of many classes; fooled where classes are rare"),
    )
}
"""Those that need answers to rows without labels alone, by the name of the paper's."""
