"""Scales of logits: the ones that libraries find, the ones that made the data, and none where nothing can be known."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from finetrail.targets.calibration import calibration
from finetrail.targets.classes.metrics import log_softmax
from finetrail.targets.scaling import MIN_ROWS, fit_scales, fit_temperature


def drawn(logits: np.ndarray, seed: int = 1) -> np.ndarray:
    """Classes (n,) that these logits are true of."""
    noise = np.random.default_rng(seed).gumbel(size=logits.shape)
    return np.asarray((logits + noise).argmax(axis=1))


@pytest.mark.parametrize("true", [0.4, 1.0, 3.0])
def test_the_temperature_that_the_data_were_made_with_is_found(true: float) -> None:
    logits = np.random.default_rng(0).normal(size=(20_000, 5)) * 2
    found = fit_temperature(logits * true, drawn(logits))
    assert found == pytest.approx(true, rel=0.03)


def test_no_other_temperature_has_a_lower_cross_entropy() -> None:
    from scipy.optimize import minimize_scalar

    rng = np.random.default_rng(2)
    logits, y_true = rng.normal(size=(400, 7)) * 3, rng.integers(0, 7, 400)
    smoothed = 1 / (len(logits) + 2)

    def loss(temperature: float) -> float:
        log_probabilities = log_softmax(logits / temperature)
        own = log_probabilities[np.arange(len(y_true)), y_true]
        return float(-((1 - smoothed) * own + smoothed * log_probabilities.mean(axis=1)).sum())

    best = minimize_scalar(loss, bounds=(0.05, 20), method="bounded", options={"xatol": 1e-9})
    assert fit_temperature(logits, y_true) == pytest.approx(best.x, rel=1e-5)


def test_what_is_right_on_every_row_is_not_made_infinitely_sure() -> None:
    y_true = np.arange(50) % 3
    logits = np.eye(3)[y_true]
    sure = np.exp(log_softmax(logits / fit_temperature(logits, y_true))).max()
    assert 0.9 < sure < 1 - 1 / 80


@given(st.integers(0, 2**32 - 1), st.integers(1, 40), st.integers(2, 6), st.floats(0.01, 100))
def test_answers_stay_and_the_temperature_stays_within_its_bounds(
    seed: int, rows: int, classes: int, size: float
) -> None:
    rng = np.random.default_rng(seed)
    logits = (rng.normal(size=(rows, classes)) * size).astype(np.float32)
    found = fit_temperature(logits, rng.integers(0, classes, rows))
    assert 0.0499 <= found <= 20.01
    assert np.array_equal((logits.astype(np.float64) / found).argmax(axis=1), logits.argmax(axis=1))


def test_no_rows_and_logits_that_say_nothing() -> None:
    assert fit_temperature(np.zeros((0, 3)), np.zeros(0, dtype=np.int64)) == 1
    assert np.isfinite(fit_temperature(np.zeros((9, 3)), np.arange(9) % 3))


def test_an_overconfident_model_is_calibrated_on_new_rows() -> None:
    logits = np.random.default_rng(0).normal(size=(8000, 4)) * 2
    y_true, sharp = drawn(logits), 3 * logits
    temperature = fit_temperature(sharp[:4000], y_true[:4000])
    before, after = (calibration(log_softmax(sharp[4000:] / one), y_true[4000:]).ece for one in (1.0, temperature))
    assert before > 0.15
    assert after < 0.03


def test_slopes_and_shifts_are_those_of_a_logistic_regression() -> None:
    from sklearn.linear_model import LogisticRegression

    rng = np.random.default_rng(3)
    logits = rng.normal(size=(20_000, 2)) * 3
    truth = logits * [0.5, 2.0] + [1.0, -1.5]
    actual = rng.random(truth.shape) < 1 / (1 + np.exp(-truth))
    slopes, shifts = fit_scales(logits, actual)
    for k in range(2):
        oracle = LogisticRegression(C=1e9, tol=1e-10).fit(logits[:, [k]], actual[:, k])
        assert slopes[k] == pytest.approx(oracle.coef_[0, 0], rel=0.01)  # the smoothed targets are not the oracle's
        assert shifts[k] == pytest.approx(oracle.intercept_[0], abs=0.01)


@pytest.mark.parametrize("actual", [np.arange(100) < MIN_ROWS - 1, np.arange(100) >= MIN_ROWS - 1])
def test_a_class_of_few_rows_keeps_its_logits(actual: np.ndarray) -> None:
    logits = np.where(actual, 1.0, -1.0)[:, None] + np.linspace(0, 1, 100)[:, None]
    assert fit_scales(logits, actual[:, None]) == ([1.0], [0.0])


def test_a_class_whose_rows_have_lower_logits_keeps_its_order() -> None:
    actual = np.arange(100) < 50
    assert fit_scales(np.where(actual, -1.0, 1.0)[:, None] * np.linspace(1, 2, 100)[:, None], actual[:, None]) == (
        [1.0],
        [0.0],
    )


def test_classes_that_are_told_apart_get_finite_scales() -> None:
    actual = np.arange(100) < 50
    (slope,), (shift,) = fit_scales(np.where(actual, 5.0, -5.0)[:, None], actual[:, None])
    sure = 1 / (1 + np.exp(-(5 * slope + shift)))
    assert sure == pytest.approx(51 / 52, abs=1e-4)
