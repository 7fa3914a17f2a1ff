"""Spreads of known answer, and intervals that hold as often as they say."""

import numpy as np
import pytest
from scipy import stats

from finetrail.assessment.stability.spread import parts_of, share_ends, spread_of
from finetrail.evaluation.scores.metric import Metric

F1 = Metric("macro_f1", "macro F1")
RMSE = Metric("rmse", "RMSE", lower=True, in_unit=True)


def test_what_does_not_vary_has_no_spread() -> None:
    found = spread_of([0.1 + 0.2] * 3, F1, 0.95)
    assert (found.mean, found.std, found.worst) == (0.1 + 0.2,) * 1 + (0.0, 0.1 + 0.2)
    assert (found.mean_ends.low, found.mean_ends.high) == (0.1 + 0.2,) * 2
    assert (found.std_ends.low, found.std_ends.high) == (0.0, 0.0)


def test_mean_std_and_intervals_are_those_of_the_textbook() -> None:
    values = [0.81, 0.78, 0.84, 0.80, 0.79]
    found = spread_of(values, F1, 0.95)
    assert found.mean == pytest.approx(np.mean(values))
    assert found.std == pytest.approx(np.std(values, ddof=1))
    expected = stats.ttest_1samp(values, 0).confidence_interval(0.95)
    assert (found.mean_ends.low, found.mean_ends.high) == pytest.approx((expected.low, expected.high))
    assert found.worst == 0.78
    assert spread_of(values, RMSE, 0.95).worst == 0.84


def test_no_interval_of_a_mean_promises_more_than_perfection() -> None:
    assert spread_of([0.9, 1.0], F1, 0.95).mean_ends.high == 1.0
    assert spread_of([0.1, 9.0], RMSE, 0.95).mean_ends.low == 0.0


def test_intervals_hold_the_truth_as_often_as_they_say() -> None:
    chance = np.random.default_rng(0)
    means = stds = 0
    for _ in range(1000):
        found = spread_of(chance.normal(0.5, 0.02, 5).tolist(), F1, 0.9)
        means += found.mean_ends.low <= 0.5 <= found.mean_ends.high
        stds += found.std_ends.low <= 0.02 <= found.std_ends.high
    assert means / 1000 == pytest.approx(0.9, abs=0.03)
    assert stds / 1000 == pytest.approx(0.9, abs=0.03)


def test_seed_and_data_are_told_apart() -> None:
    """Simulated: a seed adds 0.01, another set of rows 0.03, and parts of 80% overlap as parts of one set do."""
    chance = np.random.default_rng(1)
    fraction = 0.8
    overlap = ((1 - fraction) / fraction) ** 0.5
    shares, held, data = [], 0, []
    for _ in range(500):
        seeds = spread_of(chance.normal(0.5, 0.01, 20).tolist(), F1, 0.9)
        both = chance.normal(0.5, 0.01, 20) + chance.normal(0, 0.03 * overlap, 20)
        found = parts_of(seeds, spread_of(both.tolist(), F1, 0.9), fraction, 0.9)
        assert found.seed_share is not None
        assert found.seed_share_ends is not None
        shares.append(found.seed_share)
        data.append(found.data_std**2)
        held += found.seed_share_ends.low <= 0.1 <= found.seed_share_ends.high
    assert np.mean(data) ** 0.5 == pytest.approx(0.03, rel=0.05)
    assert np.median(shares) == pytest.approx(0.1, abs=0.02)
    assert held / 500 == pytest.approx(0.9, abs=0.04)


def test_a_training_that_ignores_its_seed_leaves_all_to_the_data() -> None:
    steady, moved = spread_of([0.5] * 3, F1, 0.95), spread_of([0.5, 0.6, 0.4], F1, 0.95)
    found = parts_of(steady, moved, 0.5, 0.95)
    assert (found.seed_std, found.seed_share) == (0.0, 0.0)
    assert found.data_std == pytest.approx(0.1)
    nothing = parts_of(steady, steady, 0.5, 0.95)
    assert (nothing.seed_std, nothing.data_std, nothing.seed_share, nothing.seed_share_ends) == (0.0, 0.0, None, None)
    only_seed = parts_of(moved, steady, 0.5, 0.95)
    assert (only_seed.data_std, only_seed.seed_share) == (0.0, 1.0)


def test_the_interval_of_a_share_is_exact() -> None:
    none = share_ends(0, 4, 0.95)
    assert (none.low, none.high) == pytest.approx((0, 1 - 0.025**0.25))
