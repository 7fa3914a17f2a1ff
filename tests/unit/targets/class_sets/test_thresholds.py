"""The threshold of each class: as good as any, the same each time, and 0.5 where nothing can be fitted."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import f1_score

from finetrail.targets.class_sets.ranking import Bools, Floats
from finetrail.targets.class_sets.thresholds import DEFAULT, MIN_POSITIVES, fit_thresholds, predict
from tests.unit.targets.class_sets.answers import Answers, answers

VALIDATION = st.builds(
    answers, st.integers(20, 60), st.integers(1, 4), st.integers(0, 10**6), levels=st.sampled_from([1, 3, 10, 1000])
)


def f1_of(actual: Bools, probabilities: Floats, threshold: float) -> float:
    predicted = probabilities >= threshold
    return float(2 * (actual & predicted).sum() / max(1, actual.sum() + predicted.sum()))


@given(VALIDATION)
def test_no_threshold_has_a_better_f1_and_none_as_good_is_nearer_to_the_default(found: Answers) -> None:
    actual, _, probabilities = found
    fitted = fit_thresholds(actual, probabilities)
    for k, threshold in enumerate(fitted):
        column, values = (actual[:, k], probabilities[:, k]), np.unique(probabilities[:, k])
        if column[0].sum() < MIN_POSITIVES or len(values) == 1:
            assert threshold == DEFAULT
            continue
        tried = {(low + high) / 2: f1_of(*column, high) for low, high in pairwise([0.0, *values])}
        tried[DEFAULT] = f1_of(*column, DEFAULT)
        best = max(tried.values())
        assert f1_of(*column, threshold) == best
        assert threshold == min((one for one, f1 in tried.items() if f1 == best), key=lambda one: abs(one - DEFAULT))
        # Every other way to divide the rows, that with none of them in the class included.
        assert all(f1_of(*column, other) <= best for other in [*values, float(values[-1]) + 1])


@given(VALIDATION, st.integers(0, 10**6))
def test_the_order_of_the_rows_changes_nothing(found: Answers, seed: int) -> None:
    actual, _, probabilities = found
    other = np.random.default_rng(seed).permutation(len(actual))
    np.testing.assert_array_equal(
        fit_thresholds(actual, probabilities), fit_thresholds(actual[other], probabilities[other])
    )


def test_a_threshold_lies_midway_between_its_neighbours() -> None:
    actual = np.repeat([False, True], [30, 12])[:, None]
    probabilities = np.repeat([0.1, 0.3], [30, 12])[:, None]
    assert fit_thresholds(actual, probabilities) == pytest.approx([0.2])
    # Everything is best taken in: midway to 0.
    probabilities = np.repeat([0.2, 0.1], [30, 12])[:, None]
    assert fit_thresholds(actual, probabilities) == pytest.approx([0.05])


def test_of_equally_good_thresholds_the_nearest_to_the_default_is_taken() -> None:
    # F1 is 12 / 18 from 0.4 on, 24 / 36 from 0.3 on, and 24 / 52 with everything.
    actual = np.repeat([True, True, False, False], [6, 6, 12, 16])[:, None]
    probabilities = np.repeat([0.4, 0.3, 0.3, 0.2], [6, 6, 12, 16])[:, None]
    assert fit_thresholds(actual, probabilities) == pytest.approx([0.35])


def test_the_default_itself_goes_before_a_middle_that_is_as_good() -> None:
    actual = np.repeat([True, False], [12, 20])[:, None]
    assert fit_thresholds(actual, np.where(actual, 0.9, 0.3)) == [DEFAULT]


@pytest.mark.parametrize(("positives", "expected"), [(MIN_POSITIVES - 1, DEFAULT), (MIN_POSITIVES, 0.2), (0, DEFAULT)])
def test_a_class_with_few_rows_keeps_the_default(positives: int, expected: float) -> None:
    actual = np.arange(50)[:, None] < positives
    probabilities = np.where(actual, 0.3, 0.1)
    assert fit_thresholds(actual, probabilities) == pytest.approx([expected])


def test_a_class_whose_rows_have_one_probability_keeps_the_default() -> None:
    actual = np.arange(50)[:, None] < 40
    assert fit_thresholds(actual, np.full((50, 1), 0.2)) == [DEFAULT]


def test_neighbouring_floats_are_told_apart() -> None:
    low = 0.1
    high = float(np.nextafter(low, 1))
    actual = np.repeat([False, True], [30, 12])[:, None]
    probabilities = np.repeat([low, high], [30, 12])[:, None]
    np.testing.assert_array_equal(predict(probabilities, fit_thresholds(actual, probabilities)), actual)


def test_float32_probabilities_are_compared_as_they_were_fitted() -> None:
    actual = np.repeat([False, True], [30, 12])[:, None]
    low = np.float32(0.1)
    probabilities = np.repeat(np.array([low, np.nextafter(low, np.float32(1))]), [30, 12])[:, None]
    fitted = fit_thresholds(actual, probabilities)
    np.testing.assert_array_equal(predict(probabilities, fitted), actual)


def test_fitted_thresholds_raise_macro_f1_where_a_class_is_rare() -> None:
    rng = np.random.default_rng(0)
    actual = rng.random((3000, 5)) < [0.3, 0.2, 0.1, 0.05, 0.03]
    logits = rng.normal(size=actual.shape) + 1.5 * actual - np.array([0.8, 1.4, 2.2, 2.9, 3.5])
    probabilities = 1 / (1 + np.exp(-logits))
    fitted = fit_thresholds(actual[:1500], probabilities[:1500])
    on_new = [
        f1_score(actual[1500:], predict(probabilities[1500:], thresholds), average="macro", zero_division=0)
        for thresholds in (np.full(5, DEFAULT), fitted)
    ]
    assert on_new[1] > on_new[0] + 0.1
