"""McNemar's test against scipy and by hand, and the paired difference of shares."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest
from scipy.stats import bootstrap as scipy_bootstrap

from finetrail.evaluation.scores.bootstrap import Draws, bootstrap
from finetrail.gate.paired import mcnemar, mean_difference
from finetrail.targets.classes.codec import ClassCodec


@given(st.integers(0, 400), st.integers(0, 400))
def test_mcnemar_is_the_exact_binomial_test(one: int, other: int) -> None:
    expected = binomtest(one, one + other, 0.5).pvalue if one + other else 1.0
    assert mcnemar(one, other) == pytest.approx(expected, rel=1e-9)
    assert mcnemar(one, other) == mcnemar(other, one)


def test_mcnemar_by_hand() -> None:
    assert mcnemar(0, 0) == 1.0
    assert mcnemar(0, 5) == 2 / 32
    assert mcnemar(1, 5) == 2 * (1 + 6) / 64
    assert mcnemar(4, 4) == 1.0
    assert 0 <= mcnemar(20_000, 21_000) < 1e-5  # far beyond what a float holds on the way


@given(st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=60))
def test_the_difference_lies_in_its_interval_and_turns_with_its_sides(rows: list[tuple[bool, bool]]) -> None:
    one, other = (np.array(column) for column in zip(*rows, strict=True))
    found = mean_difference(one, other, confidence=0.95, resamples=400, seed=0)
    assert found.value == pytest.approx(one.mean() - other.mean())
    assert -1 <= found.low <= found.value + 1e-12
    assert found.value - 1e-12 <= found.high <= 1
    if (one == other).all():
        assert (found.low, found.high) == (0, 0)


def test_the_difference_of_means_is_the_paired_bootstrap_of_scipy() -> None:
    one, other = np.random.default_rng(5).beta([[4], [3]], 2, (2, 80))
    found = mean_difference(one, other, confidence=0.9, resamples=4000, seed=1)
    expected = scipy_bootstrap((one - other,), np.mean, confidence_level=0.9, method="percentile", n_resamples=4000)
    assert found.value == pytest.approx((one - other).mean())
    assert found.low == pytest.approx(expected.confidence_interval.low, abs=0.006)
    assert found.high == pytest.approx(expected.confidence_interval.high, abs=0.006)


def test_it_is_the_paired_bootstrap_of_accuracies() -> None:
    chance = np.random.default_rng(3)
    actual = chance.integers(0, 2, 500)
    said = [np.where(chance.random(500) < share, actual, 1 - actual) for share in (0.85, 0.8)]
    judge, labels = ClassCodec(("no", "yes")).judge, [("no", "yes")[number] for number in actual]
    resampled = bootstrap(judge, labels, [np.eye(2)[answers] for answers in said], Draws(resamples=4000, seed=1))
    slow = resampled.difference("accuracy", 0, 1, 0.95)
    fast = mean_difference(said[0] == actual, said[1] == actual, confidence=0.95, resamples=4000, seed=1)
    assert fast.value == pytest.approx(slow.value)
    assert fast.low == pytest.approx(slow.low, abs=0.006)
    assert fast.high == pytest.approx(slow.high, abs=0.006)
