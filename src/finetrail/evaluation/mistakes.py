"""The worst mistakes of a model and the pairs of classes it confuses most: the first place to look for bad labels."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from finetrail.evaluation.metrics import Ints, Logits, log_softmax


@dataclass(frozen=True)
class Mistake:
    """A row that was answered wrongly, and how sure the model was."""

    id: str
    text: str
    actual: str
    predicted: str
    confidence: float
    """Probability that the model gave to its own, wrong answer."""
    given_to_actual: float
    """Probability that it gave to the label in the data."""


@dataclass(frozen=True)
class Confusion:
    """Rows of class `actual` that were taken for `predicted`; `share` is of the rows of `actual`."""

    actual: str
    predicted: str
    rows: int
    share: float


def worst_mistakes(
    ids: Sequence[str], texts: Sequence[str], y_true: Ints, logits: Logits, labels: Sequence[str], *, limit: int = 50
) -> tuple[Mistake, ...]:
    """The wrong answers with the highest loss (least probability for the actual label) first; equals by id.

    Args:
        ids, texts: one a row (n).
        y_true: actual classes (n,).
        logits: (n, K) in the order of `labels`.
        limit: how many to return at most.
    """
    log_probabilities = log_softmax(logits)
    y_pred = logits.argmax(axis=1)
    wrong = np.flatnonzero(y_pred != y_true)
    loss = -log_probabilities[wrong, y_true[wrong]]
    order = sorted(range(len(wrong)), key=lambda at: (-loss[at], ids[int(wrong[at])]))[:limit]
    return tuple(
        Mistake(
            id=ids[row],
            text=texts[row],
            actual=labels[y_true[row]],
            predicted=labels[y_pred[row]],
            confidence=float(np.exp(log_probabilities[row, y_pred[row]])),
            given_to_actual=float(np.exp(log_probabilities[row, y_true[row]])),
        )
        for row in (int(wrong[at]) for at in order)
    )


def worst_confusions(confusion: Ints, labels: Sequence[str], *, limit: int = 10) -> tuple[Confusion, ...]:
    """The off-diagonal cells of the matrix (K, K) with most rows; equals by their place in the matrix."""
    off = confusion * (1 - np.eye(len(labels), dtype=np.int64))
    order = np.argsort(-off, axis=None, kind="stable")[:limit]
    cells = [(int(cell) // len(labels), int(cell) % len(labels)) for cell in order]
    return tuple(
        Confusion(labels[i], labels[j], rows=int(off[i, j]), share=float(off[i, j] / confusion[i].sum()))
        for i, j in cells
        if off[i, j]
    )
