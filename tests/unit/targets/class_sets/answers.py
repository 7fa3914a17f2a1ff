"""Random answers to rows whose labels are sets of classes."""

import numpy as np
from hypothesis import strategies as st

from finetrail.targets.class_sets.ranking import Bools, Floats, Ints

Answers = tuple[Bools, Bools, Floats]
"""Actual sets, predicted sets and probabilities, (n, K) each."""


def answers(rows: int, classes: int, seed: int, *, levels: int = 8) -> Answers:
    """So many rows; few `levels` of probability make ties."""
    rng = np.random.default_rng(seed)
    actual = rng.random((rows, classes)) < rng.random(classes)
    probabilities = rng.integers(0, levels + 1, (rows, classes)) / levels
    predicted = rng.random((rows, classes)) < rng.random(classes)
    return actual, predicted, probabilities


def take(found: Answers, rows: Ints) -> Answers:
    """The answers to these rows, in this order."""
    actual, predicted, probabilities = found
    return actual[rows], predicted[rows], probabilities[rows]


ANSWERS = st.builds(
    answers, st.integers(1, 12), st.integers(1, 5), st.integers(0, 10**6), levels=st.sampled_from([1, 4, 50])
)
