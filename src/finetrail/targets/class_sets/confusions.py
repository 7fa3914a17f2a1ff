"""Which classes a model gives wrongly, which it misses, and the rows that it answered worst.

The first place to look for bad labels. Rows are known by their ids: the report gets their contents elsewhere.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from finetrail.targets.class_sets.ranking import Bools, Floats, Places, Probabilities

# A probability of 0 or 1 counts as this far from it, as far as float32 tells it: infinite losses would have no order.
_LEAST = 1e-7


@dataclass(frozen=True)
class Answers:
    """All answers of a model on one split.

    Attributes:
        ids: one a row (n).
        actual, predicted: which classes each row has, and which the model says it has (n, K).
        probabilities: of each class (n, K), 0 to 1.
        labels: the names of the classes.
    """

    ids: Sequence[str]
    actual: Bools
    predicted: Bools
    probabilities: Probabilities
    labels: Sequence[str]


@dataclass(frozen=True)
class Mistake:
    """A row that was given a wrong set.

    Attributes:
        actual, predicted: its own set and the model's, in the order of the classes like all others.
        missing: the classes that it has but was not given.
        superfluous: the classes that it was given but does not have.
        loss: see `losses`.
    """

    id: str
    actual: tuple[str, ...]
    predicted: tuple[str, ...]
    missing: tuple[str, ...]
    superfluous: tuple[str, ...]
    loss: float


@dataclass(frozen=True)
class Confusion:
    """The mistakes about one class.

    Attributes:
        false_alarms: how many rows were given it but do not have it.
        misses: how many rows have it but were not given it.
        worst_false_alarms: ids of a few of them, the highest probability first.
        worst_misses: ids of a few of them, the lowest probability first.
    """

    label: str
    false_alarms: int
    misses: int
    worst_false_alarms: tuple[str, ...]
    worst_misses: tuple[str, ...]


def losses(actual: Bools, probabilities: Probabilities) -> Floats:
    """The binary cross-entropy of each row (n,), in nats, as the mean over its classes (n, K)."""
    of_answer = np.where(actual, probabilities, 1 - probabilities.astype(np.float64))
    found: Floats = -np.log(of_answer.clip(_LEAST, 1 - _LEAST)).mean(axis=1)
    return found


def worst_mistakes(answers: Answers, *, limit: int = 50) -> tuple[Mistake, ...]:
    """The rows that were given a wrong set, the highest loss first, equals by id; `limit` at most."""
    loss = losses(answers.actual, answers.probabilities)
    wrong = np.flatnonzero((answers.actual != answers.predicted).any(axis=1))
    names = np.array(answers.labels, dtype=object)

    def named(classes: Bools) -> tuple[str, ...]:
        return tuple(names[classes])

    found = []
    for row in _first(wrong, -loss, answers.ids, limit):
        actual, predicted = answers.actual[row], answers.predicted[row]
        found.append(
            Mistake(
                id=answers.ids[row],
                actual=named(actual),
                predicted=named(predicted),
                missing=named(actual & ~predicted),
                superfluous=named(predicted & ~actual),
                loss=float(loss[row]),
            )
        )
    return tuple(found)


def confusions(answers: Answers, *, examples: int = 6) -> tuple[Confusion, ...]:
    """The mistakes about each class (K), in the order of the classes, with `examples` of them at most."""
    found = []
    for k, label in enumerate(answers.labels):
        actual, predicted = answers.actual[:, k], answers.predicted[:, k]
        probabilities = answers.probabilities[:, k].astype(np.float64)
        alarms, misses = np.flatnonzero(predicted & ~actual), np.flatnonzero(actual & ~predicted)
        worst_alarms = _first(alarms, -probabilities, answers.ids, examples)
        worst_misses = _first(misses, probabilities, answers.ids, examples)
        found.append(
            Confusion(
                label,
                false_alarms=len(alarms),
                misses=len(misses),
                worst_false_alarms=tuple(answers.ids[row] for row in worst_alarms),
                worst_misses=tuple(answers.ids[row] for row in worst_misses),
            )
        )
    return tuple(found)


def _first(rows: Places, values: Floats, ids: Sequence[str], limit: int) -> list[int]:
    """Of these rows those with the lowest values (n,), equals by id."""
    return sorted(rows.tolist(), key=lambda row: (values[row], ids[row]))[:limit]
