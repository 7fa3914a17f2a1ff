"""Black box shift estimation recovers planted shares of classes, and its shares are shares."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from finetrail.evaluation.scores.bootstrap import Draws, Floats, Ints
from finetrail.evaluation.shift.label_shares import Shares, label_shares

DRAWS = Draws(200, seed=0)


def _rows(shares: list[float], count: int, seed: int) -> tuple[Ints, Floats]:
    """Labels of given shares, and what a model that confuses neighbouring classes answers to them."""
    generator = np.random.default_rng(seed)
    labels = generator.choice(len(shares), count, p=shares)
    logits = np.eye(len(shares))[labels] * 2 + np.roll(np.eye(len(shares)), 1, axis=1)[labels]
    exponents = np.exp(logits + generator.standard_normal(logits.shape))
    return labels, exponents / exponents.sum(axis=1, keepdims=True)


@pytest.mark.parametrize("hard", [True, False])
def test_planted_shares_are_found(hard: bool) -> None:
    labels, answers = _rows([0.25, 0.25, 0.25, 0.25], 2000, 0)
    _, others = _rows([0.1, 0.6, 0.3, 0.0], 2000, 1)
    if hard:
        answers, others = (np.eye(4)[one.argmax(axis=1)] for one in (answers, others))
    found = label_shares(labels, answers, others, DRAWS)
    assert [one.value for one in found.target] == pytest.approx([0.1, 0.6, 0.3, 0.0], abs=0.04)
    assert all(
        one.low - 0.01 <= true <= one.high + 0.01 for one, true in zip(found.target, [0.1, 0.6, 0.3, 0.0], strict=True)
    )
    assert np.abs(others.mean(axis=0) - [0.1, 0.6, 0.3, 0.0]).max() > 0.05  # counting answers would not do
    assert found.source == pytest.approx([0.25] * 4, abs=0.03)


def test_its_interval_holds_the_truth_about_as_often_as_it_says() -> None:
    held = 0
    for seed in range(100):
        labels, answers = _rows([0.5, 0.3, 0.2], 200, seed)
        found = label_shares(labels, answers, _rows([0.2, 0.5, 0.3], 200, 1000 + seed)[1], Draws(100, seed)).target[1]
        held += found.low <= 0.5 <= found.high
    assert held >= 88


def _plain(found: Shares) -> list[tuple[float, float, float]]:
    return [(one.value, one.low, one.high) for one in found.target]


@settings(deadline=None, max_examples=50)
@given(
    st.integers(2, 5).flatmap(
        lambda classes: st.tuples(
            st.lists(st.tuples(st.integers(0, classes - 1), st.integers(0, classes - 1)), min_size=1, max_size=12),
            st.lists(st.integers(0, classes - 1), min_size=1, max_size=12),
            st.just(classes),
        )
    )
)
def test_shares_add_up_whatever_is_answered(
    case: tuple[list[tuple[int, int]], list[int], int],
) -> None:
    pairs, others, classes = case
    labels, answered = np.array(pairs).T
    found = label_shares(labels, np.eye(classes)[answered], np.eye(classes)[others], Draws(20, 3))
    assert sum(one.value for one in found.target) == pytest.approx(1)
    assert all(0 <= one.low <= one.high <= 1 + 1e-9 and one.value >= 0 for one in found.target)
    # Nothing can be said of a class that no validation row has.
    assert all(one.value == 0 for number, one in enumerate(found.target) if number not in labels)
    assert _plain(label_shares(labels, np.eye(classes)[answered], np.eye(classes)[others], Draws(20, 3))) == _plain(
        found
    )
