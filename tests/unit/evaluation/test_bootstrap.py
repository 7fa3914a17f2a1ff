"""The bootstrap against its own definition (rows drawn one by one), its laws, its coverage and its memory."""

import tracemalloc

import numpy as np
import pytest
from finetrail.evaluation.bootstrap import bootstrap
from hypothesis import given
from hypothesis import strategies as st

from finetrail.evaluation import bootstrap as intervals
from finetrail.targets.classes.metrics import METRICS, Ints, scores


def _model(y_true: Ints, classes: int, right: float, seed: int) -> Ints:
    rng = np.random.default_rng(seed)
    return np.where(rng.random(len(y_true)) < right, y_true, rng.integers(0, classes, len(y_true)))


def test_agrees_with_resampling_the_rows_one_by_one() -> None:
    rng = np.random.default_rng(1)
    y_true = rng.integers(0, 4, 300)
    a, b = _model(y_true, 4, 0.6, 2), _model(y_true, 4, 0.5, 3)
    resampled = bootstrap(y_true, [a, b], 4, resamples=4000, seed=0)
    plain = np.array(
        [
            [scores(y_true[rows], model[rows], 4)["macro_f1"] for model in (a, b)]
            for rows in (rng.integers(0, 300, 300) for _ in range(4000))
        ]
    )
    ours = resampled.interval("macro_f1", 0, 0.95)
    assert ours.value == scores(y_true, a, 4)["macro_f1"]
    assert (ours.low, ours.high) == pytest.approx(np.quantile(plain[:, 0], [0.025, 0.975]), abs=0.006)
    difference = resampled.difference("macro_f1", 0, 1, 0.95)
    assert (difference.low, difference.high) == pytest.approx(
        np.quantile(plain[:, 0] - plain[:, 1], [0.025, 0.975]), abs=0.006
    )


@given(
    st.lists(st.tuples(st.integers(0, 2), st.integers(0, 2), st.integers(0, 2)), min_size=1, max_size=30),
    st.sampled_from(sorted(METRICS)),
)
def test_laws(rows: list[tuple[int, int, int]], metric: str) -> None:
    y_true, a, b = np.array(rows).T
    resampled = bootstrap(y_true, [a, b, a], 3, resamples=100, seed=0)
    same = resampled.difference(metric, 0, 2, 0.95)
    assert (same.value, same.low, same.high, same.holds_zero) == (0.0, 0.0, 0.0, True)
    forth, back = resampled.difference(metric, 0, 1, 0.95), resampled.difference(metric, 1, 0, 0.95)
    assert (forth.value, forth.low, forth.high) == pytest.approx((-back.value, -back.high, -back.low))
    wide, narrow = resampled.interval(metric, 0, 0.99), resampled.interval(metric, 0, 0.5)
    assert 0.0 <= wide.low <= narrow.low <= narrow.high <= wide.high <= 1.0
    backwards = bootstrap(y_true[::-1], [b[::-1], a[::-1], a[::-1]][1:], 3, resamples=100, seed=0)
    forwards = bootstrap(y_true, [a, a], 3, resamples=100, seed=0)
    np.testing.assert_array_equal(backwards.draws[metric], forwards.draws[metric])


def test_pairing_tells_models_apart_whose_own_intervals_overlap() -> None:
    y_true = np.random.default_rng(0).integers(0, 5, 400)
    weak = _model(y_true, 5, 0.6, 1)
    strong = weak.copy()
    strong[np.flatnonzero(weak != y_true)[:12]] = y_true[np.flatnonzero(weak != y_true)[:12]]
    resampled = bootstrap(y_true, [weak, strong], 5, resamples=1000, seed=0)
    assert resampled.interval("accuracy", 0, 0.95).high > resampled.interval("accuracy", 1, 0.95).low
    assert not resampled.difference("accuracy", 1, 0, 0.95).holds_zero


def test_the_interval_of_accuracy_covers_the_truth_about_as_often_as_it_says() -> None:
    rng = np.random.default_rng(0)
    covered = 0
    for trial in range(300):
        y_true = rng.integers(0, 4, 200)
        y_pred = np.where(rng.random(200) < 0.7, y_true, (y_true + 1) % 4)
        interval = bootstrap(y_true, [y_pred], 4, resamples=300, seed=trial).interval("accuracy", 0, 0.9)
        covered += interval.low <= 0.7 <= interval.high
    assert 0.84 <= covered / 300 <= 0.95


def test_blocks_do_not_change_the_draws(monkeypatch: pytest.MonkeyPatch) -> None:
    y_true = np.random.default_rng(0).integers(0, 6, 200)
    y_pred = _model(y_true, 6, 0.5, 1)
    whole = bootstrap(y_true, [y_pred], 6, resamples=150, seed=3)
    monkeypatch.setattr(intervals, "BLOCK", 400)
    pieces = bootstrap(y_true, [y_pred], 6, resamples=150, seed=3)
    for metric in METRICS:
        np.testing.assert_array_equal(whole.draws[metric], pieces.draws[metric])


def test_memory_stays_bounded_when_every_row_is_distinct() -> None:
    rows = 20_000
    y_true = np.arange(rows) % 200
    models = [np.random.default_rng(seed).integers(0, 200, rows) for seed in range(3)]
    tracemalloc.start()
    bootstrap(y_true, models, 200, resamples=300, seed=0)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 200 * 2**20


def test_no_rows_are_refused() -> None:
    with pytest.raises(ValueError, match="no rows"):
        bootstrap(np.array([], dtype=np.int64), [np.array([], dtype=np.int64)], 2, resamples=100, seed=0)
