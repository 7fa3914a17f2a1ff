"""The curve of one class: scikit-learn's, with ties and weights."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics as sk

from finetrail.targets.class_sets.ranking import average_precision, curve, rank
from tests.unit.targets.class_sets.answers import ANSWERS, Answers


@given(ANSWERS, st.integers(0, 10**6))
def test_average_precision_is_that_of_sklearn_with_ties_and_weights(answers: Answers, seed: int) -> None:
    actual, probabilities = answers[0][:, 0], answers[2][:, 0]
    weights = np.random.default_rng(seed).integers(0, 4, (len(actual), 5)).astype(np.float64)
    found = average_precision(rank(actual, probabilities), weights)
    for resample, drawn in enumerate(weights.T):
        expected = 0.0
        if drawn[actual].any():
            expected = sk.average_precision_score(actual, probabilities, sample_weight=drawn)
        assert found[resample] == pytest.approx(expected, abs=1e-12)


@given(ANSWERS)
def test_the_curve_holds_the_points_of_sklearn_at_which_recall_rises(answers: Answers) -> None:
    actual, probabilities = answers[0][:, 0], answers[2][:, 0]
    actual[0] = True
    recall, precision = curve(rank(actual, probabilities), np.ones((len(actual), 1)))
    at, of, _ = sk.precision_recall_curve(actual, probabilities)
    expected = {
        (round(r, 9), round(p, 9)) for p, r, more in zip(at, of, np.append(-np.diff(of), 0), strict=True) if more
    }
    assert {(round(r, 9), round(p, 9)) for r, p in zip(recall[:, 0], precision[:, 0], strict=True)} == expected
    assert (np.diff(recall[:, 0]) > 0).all()
    assert recall[-1, 0] == 1


def test_a_perfect_ranking_has_1_and_equal_probabilities_have_the_share_of_the_class() -> None:
    actual, once = np.array([True, False, True, False, False]), np.ones((5, 1))
    assert average_precision(rank(actual, np.array([0.9, 0.1, 0.8, 0.2, 0.3])), once) == [1]
    assert average_precision(rank(actual, np.full(5, 0.5)), once) == pytest.approx([0.4])


def test_the_rows_after_the_last_positive_are_left_out() -> None:
    ranking = rank(np.array([True, False, False, True]), np.array([0.9, 0.5, 0.1, 0.7]))
    assert ranking.rows.tolist() == [0, 3]
    assert rank(np.zeros(4, dtype=bool), np.full(4, 0.5)).rows.tolist() == []
    assert rank(np.zeros(0, dtype=bool), np.zeros(0)).rows.tolist() == []
