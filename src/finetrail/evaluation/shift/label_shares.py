"""The shares of classes in a domain without labels: black box shift estimation (BBSE; Lipton et al. 2018).

What a model answers to rows of a class is taken to be the same in both domains (label shift). Then the answers in the
other domain are a mix of the answers to each class, and the shares are those of the mix.
"""

from dataclasses import dataclass

import numpy as np

from finetrail.evaluation.scores.bootstrap import Draws, Floats, Interval, Ints, percentiles


@dataclass(frozen=True)
class Shares:
    """Of each class. Attributes: source: its share of the labelled rows; target: the estimated one, 0..1."""

    source: tuple[float, ...]
    target: tuple[Interval, ...]


def label_shares(labels: Ints, answers: Floats, others: Floats, draws: Draws) -> Shares:
    """Estimate the shares of classes among rows without labels.

    Args:
        labels: of validation rows (n,), as numbers of classes below K.
        answers: of a model to them (n, K): probabilities, or ones and zeros; the former vary less.
        others: its answers to the rows without labels (m, K).
        draws: resamples of both sets of rows.
    """
    classes = answers.shape[1]
    actual = np.eye(classes)[labels]
    generator = np.random.default_rng(draws.seed)
    rows, others_drawn = (
        generator.multinomial(count, np.full(count, 1 / count), size=draws.resamples)
        for count in (len(answers), len(others))
    )
    drawn = np.stack(
        [
            _solved(answers.T @ (actual * one[:, None]), other @ others / len(others))
            for one, other in zip(rows, others_drawn, strict=True)
        ]
    )
    found = _solved(answers.T @ actual, others.mean(axis=0))
    return Shares(
        tuple(actual.mean(axis=0).tolist()),
        tuple(percentiles(found[place], drawn[:, place], draws.confidence) for place in range(classes)),
    )


def _solved(confusion: Floats, answered: Floats) -> Floats:
    """The shares of classes (K,). Args: confusion: (K, K), answered by actual; answered: shares of answers (K,)."""
    counts = confusion.sum(axis=0)
    known = counts > 0  # nothing is known of what is answered to other classes
    shares = np.zeros(len(counts))
    shares[known] = _on_simplex(np.linalg.lstsq(confusion[:, known] / counts[known], answered)[0])
    return shares


def _on_simplex(values: Floats) -> Floats:
    """The nearest values (K,) that are at least 0 and add up to 1 (Duchi et al. 2008)."""
    falling = np.sort(values)[::-1]
    excess = (np.cumsum(falling) - 1) / np.arange(1, len(values) + 1)
    found: Floats = np.maximum(values - excess[np.flatnonzero(falling > excess)[-1]], 0)
    return found
