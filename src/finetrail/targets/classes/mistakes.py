"""What a model answered row by row: its worst mistakes, the classes it confuses most, and examples of each class.

The first place to look for bad labels. Rows are known by their ids: the report gets their contents elsewhere.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from finetrail.evaluation.scores.bootstrap import Floats, Ints


@dataclass(frozen=True)
class Answer:
    """A row, the model's answer, and how sure it was."""

    id: str
    actual: str
    predicted: str
    confidence: float
    """Probability that the model gave to its own answer."""
    given_to_actual: float
    """Probability that it gave to the label in the data."""

    @property
    def right(self) -> bool:
        """Whether the answer is the label in the data."""
        return self.actual == self.predicted


@dataclass(frozen=True)
class Confusion:
    """Rows of class `actual` that were taken for `predicted`; `share` is of the rows of `actual`.

    Attributes:
        worst: ids of a few of them, the worst first.
    """

    actual: str
    predicted: str
    rows: int
    share: float
    worst: tuple[str, ...] = ()


@dataclass(frozen=True)
class Answers:
    """All answers of a model on one split.

    Attributes:
        ids: one a row (n).
        y_true, y_pred: actual and predicted classes (n,).
        log_probabilities: (n, K), in the order of `labels`.
    """

    ids: Sequence[str]
    y_true: Ints
    y_pred: Ints
    log_probabilities: Floats
    labels: Sequence[str]

    def row(self, row: int) -> Answer:
        """The answer to one row."""
        actual, predicted = int(self.y_true[row]), int(self.y_pred[row])
        return Answer(
            id=self.ids[row],
            actual=self.labels[actual],
            predicted=self.labels[predicted],
            confidence=float(np.exp(self.log_probabilities[row, predicted])),
            given_to_actual=float(np.exp(self.log_probabilities[row, actual])),
        )

    def wrong(self) -> list[int]:
        """The rows that were answered wrongly: highest loss (least probability for the label) first, equals by id."""
        rows = np.flatnonzero(self.y_pred != self.y_true)
        loss = -self.log_probabilities[rows, self.y_true[rows]]
        order = sorted(range(len(rows)), key=lambda at: (-loss[at], self.ids[int(rows[at])]))
        return [int(rows[at]) for at in order]


def worst_mistakes(answers: Answers, *, limit: int = 50) -> tuple[Answer, ...]:
    """The wrong answers with the highest loss first, `limit` at most."""
    return tuple(answers.row(row) for row in answers.wrong()[:limit])


def first_of_each_class(answers: Answers, *, limit: int) -> tuple[tuple[Answer, ...], ...]:
    """For each class the answers to `limit` of its rows, those with the smallest ids: (K,) tuples.

    An id is a hash of the content, so these rows look random, but are the same for every model.
    """
    found: list[list[int]] = [[] for _ in answers.labels]
    for row in sorted(range(len(answers.ids)), key=lambda row: answers.ids[row]):
        rows = found[int(answers.y_true[row])]
        if len(rows) < limit:
            rows.append(row)
    return tuple(tuple(answers.row(row) for row in rows) for rows in found)


def worst_confusions(confusion: Ints, answers: Answers, *, limit: int = 10, examples: int = 6) -> tuple[Confusion, ...]:
    """The off-diagonal cells of the matrix (K, K) with the most rows; equals by their place in the matrix."""
    labels = answers.labels
    off = confusion * (1 - np.eye(len(labels), dtype=np.int64))
    order = np.argsort(-off, axis=None, kind="stable")[:limit]
    cells = [(int(cell) // len(labels), int(cell) % len(labels)) for cell in order]
    shown: dict[tuple[int, int], list[str]] = {cell: [] for cell in cells}
    for row in answers.wrong():
        ids = shown.get((int(answers.y_true[row]), int(answers.y_pred[row])))
        if ids is not None and len(ids) < examples:
            ids.append(answers.ids[row])
    return tuple(
        Confusion(
            labels[i], labels[j], int(off[i, j]), share=float(off[i, j] / confusion[i].sum()), worst=tuple(shown[i, j])
        )
        for i, j in cells
        if off[i, j]
    )
