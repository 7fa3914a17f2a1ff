"""Regression metrics: scikit-learn's and scipy's values, for one set of rows and for resamples of them."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from sklearn import metrics as sk

from finetrail.evaluation.scores.bootstrap import Draws, Floats, bootstrap
from finetrail.targets.numbers import METRICS
from finetrail.targets.numbers.codec import NumberCodec
from finetrail.targets.numbers.metrics import scores, weighted_scores

# Of few values, so that there are ties, and far from 0.
VALUES = st.integers(-3, 6).map(lambda value: 1e4 + value / 4)
ROWS = st.lists(st.tuples(VALUES, VALUES), min_size=2, max_size=30)


def expected(y_true: Floats, y_pred: Floats) -> dict[str, float]:
    varies = len(set(y_true)) > 1 and len(set(y_pred)) > 1
    return {
        "pearson": stats.pearsonr(y_true, y_pred).statistic if varies else 0.0,
        "spearman": stats.spearmanr(y_true, y_pred).statistic if varies else 0.0,
        "r2": sk.r2_score(y_true, y_pred),
        "mae": sk.mean_absolute_error(y_true, y_pred),
        "rmse": sk.root_mean_squared_error(y_true, y_pred),
    }


@given(ROWS)
def test_the_values_are_those_of_the_libraries(rows: list[tuple[float, float]]) -> None:
    y_true, y_pred = np.array(rows).T
    assert scores(y_true, y_pred) == pytest.approx(expected(y_true, y_pred), abs=1e-6)


@settings(max_examples=30)
@given(ROWS, st.integers(0, 100))
def test_a_resample_scores_as_the_rows_that_it_repeats(rows: list[tuple[float, float]], seed: int) -> None:
    y_true, y_pred = np.array(rows).T
    counts = np.random.default_rng(seed).multinomial(len(rows), np.full(len(rows), 1 / len(rows)), size=3)
    found = weighted_scores(counts, y_true, y_pred)
    for resample, drawn in enumerate(counts):
        one = {name: values[resample] for name, values in found.items()}
        assert one == pytest.approx(scores(np.repeat(y_true, drawn), np.repeat(y_pred, drawn)), abs=1e-6)


def test_the_metrics_are_those_that_the_target_names() -> None:
    y = np.array([1.0, 2.0, 4.0])
    assert list(scores(y, y)) == [metric.name for metric in METRICS]
    assert scores(y, y) == {"pearson": 1.0, "spearman": 1.0, "r2": 1.0, "mae": 0.0, "rmse": 0.0}


def test_what_never_varies_has_values_too() -> None:
    y, same = np.array([1.0, 2.0, 3.0]), np.full(3, 2.0)
    assert scores(y, same) == {
        "pearson": 0,
        "spearman": 0,
        "r2": 0,
        "mae": 2 / 3,
        "rmse": pytest.approx((2 / 3) ** 0.5),
    }
    assert scores(same, y)["r2"] == 0
    assert scores(same, same)["r2"] == 1


def test_the_bootstrap_tells_a_worse_model_apart() -> None:
    rng = np.random.default_rng(0)
    y_true = rng.normal(size=80)
    models = [y_true + rng.normal(size=80) * noise for noise in (0.2, 0.6)]
    judge, draws = NumberCodec(0.0, 1.0).judge, Draws(resamples=200, seed=1)
    first = bootstrap(judge, y_true.tolist(), [model[:, None] for model in models], draws)
    for metric in METRICS:
        interval = first.interval(metric.name, 0, 0.95)
        assert interval.low < interval.value < interval.high
    assert first.difference("rmse", 1, 0, 0.95).low > 0
    assert not first.difference("rmse", 1, 0, 0.95).holds_zero
