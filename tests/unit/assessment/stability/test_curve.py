"""Learning curves with a planted law are read back; where there is none, it says so."""

from collections.abc import Callable

import numpy as np
import pytest

from finetrail.assessment.stability.curve import curve_of
from finetrail.evaluation.scores.bootstrap import Draws
from finetrail.evaluation.scores.metric import Metric

F1 = Metric("macro_f1", "macro F1")
RMSE = Metric("rmse", "RMSE", lower=True, in_unit=True)
SIZES = (100, 200, 400, 800, 1000)
DRAWS = Draws(100, 0)


def planted(law: Callable[[float], float], noise: float, seed: int = 0) -> dict[int, list[float]]:
    chance = np.random.default_rng(seed)
    return {rows: (law(rows) + noise * chance.normal(size=5)).tolist() for rows in SIZES}


def rising(rows: float) -> float:
    return float(0.9 - 0.15 * (rows / 1000) ** -0.6)


def falling(rows: float) -> float:
    return float(300 + 500 * (rows / 1000) ** -0.5)


@pytest.mark.parametrize(("law", "metric"), [(rising, F1), (falling, RMSE)])
def test_a_law_without_noise_is_found_exactly(law: Callable[[float], float], metric: Metric) -> None:
    found = curve_of(planted(law, 0), metric, DRAWS)
    assert found.law is not None
    assert [found.law.at(rows) for rows in (50, 100, 1000, 4000)] == pytest.approx(
        [law(rows) for rows in (50, 100, 1000, 4000)], rel=1e-4
    )
    assert found.gain == pytest.approx(abs(law(2000) - law(1000)), rel=1e-4)
    assert found.tells


@pytest.mark.slow
def test_its_interval_holds_the_gain_that_was_planted() -> None:
    truth = rising(2000) - rising(1000)
    held = 0
    for seed in range(20):
        found = curve_of(planted(rising, 0.01, seed), F1, DRAWS)
        assert found.ends is not None
        assert found.tells
        held += found.ends.low <= truth <= found.ends.high
    assert held >= 17, "95% of 20, less what 20 allow by chance"


@pytest.mark.slow
def test_scores_that_do_not_depend_on_the_rows_tell_nothing() -> None:
    told = sum(curve_of(planted(lambda rows: 0.8, 0.01, seed), F1, DRAWS).tells for seed in range(20))
    assert told <= 2
    still = curve_of(planted(lambda rows: 0.8, 0), F1, DRAWS)
    assert (still.gain, still.tells) == (0.0, False)


def test_three_sizes_are_too_few_for_three_parameters() -> None:
    values = planted(rising, 0)
    found = curve_of({rows: values[rows] for rows in SIZES[:3]}, F1, DRAWS)
    assert (found.law, found.ends, found.tells) == (None, None, False)
    assert list(found.points) == [100, 200, 400]
    assert set(found.as_json()) == {"points"}


@pytest.mark.parametrize("metric", [F1, RMSE])
def test_scores_whose_limit_is_perfection_are_fitted_too(metric: Metric) -> None:
    """A straight line up to the best there is: every drawn law wants a limit beyond it."""
    values = {
        rows: [metric.goodness(metric.ideal - (1100 - rows) / 1000 + n / 100) for n in range(-2, 3)] for rows in SIZES
    }
    found = curve_of({rows: [abs(value) for value in of] for rows, of in values.items()}, metric, DRAWS)
    assert found.law is not None
    assert metric.goodness(found.law.limit) <= metric.goodness(metric.ideal) + 1e-6


def test_equal_input_gives_equal_numbers() -> None:
    values = planted(rising, 0.02)
    assert curve_of(values, F1, DRAWS).as_json() == curve_of(values, F1, DRAWS).as_json()
