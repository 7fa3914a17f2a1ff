"""The bootstrap against its own definition (rows drawn one by one), its laws, its coverage and its memory."""

import tracemalloc
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from finetrail.evaluation.scores.bootstrap import (
    BLOCK,
    Draws,
    Floats,
    Ints,
    Resampled,
    bootstrap,
    intervals,
    point_scores,
)
from finetrail.targets.classes.codec import ClassCodec
from finetrail.targets.classes.judge import ClassJudge
from finetrail.targets.classes.metrics import FORMULAS, scores


def _model(y_true: Ints, classes: int, right: float, seed: int) -> Ints:
    rng = np.random.default_rng(seed)
    return np.where(rng.random(len(y_true)) < right, y_true, rng.integers(0, classes, len(y_true)))


def _asked(y_true: Ints, models: Sequence[Ints], classes: int) -> tuple[ClassJudge, list[str], list[Floats]]:
    """What the bootstrap is asked of classifiers that are known by the classes that they answer."""
    judge = ClassJudge(ClassCodec(tuple(f"c{number:03d}" for number in range(classes))))
    return judge, [judge.codec.labels[number] for number in y_true], [np.eye(classes)[model] for model in models]


def _resampled(
    y_true: Ints, models: Sequence[Ints], classes: int, *, resamples: int, seed: int, block: int = BLOCK
) -> Resampled:
    judge, labels, answers = _asked(y_true, models, classes)
    return bootstrap(judge, labels, answers, Draws(resamples, seed), block=block)


def test_agrees_with_resampling_the_rows_one_by_one() -> None:
    rng = np.random.default_rng(1)
    y_true = rng.integers(0, 4, 300)
    a, b = _model(y_true, 4, 0.6, 2), _model(y_true, 4, 0.5, 3)
    resampled = _resampled(y_true, [a, b], 4, resamples=4000, seed=0)
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
    st.sampled_from(sorted(FORMULAS)),
)
def test_laws(rows: list[tuple[int, int, int]], metric: str) -> None:
    y_true, a, b = np.array(rows).T
    resampled = _resampled(y_true, [a, b, a], 3, resamples=100, seed=0)
    same = resampled.difference(metric, 0, 2, 0.95)
    assert (same.value, same.low, same.high, same.holds_zero) == (0.0, 0.0, 0.0, True)
    forth, back = resampled.difference(metric, 0, 1, 0.95), resampled.difference(metric, 1, 0, 0.95)
    assert (forth.value, forth.low, forth.high) == pytest.approx((-back.value, -back.high, -back.low))
    wide, narrow = resampled.interval(metric, 0, 0.99), resampled.interval(metric, 0, 0.5)
    assert 0.0 <= wide.low <= narrow.low <= narrow.high <= wide.high <= 1.0
    alone = _resampled(y_true, [b], 3, resamples=100, seed=0)
    np.testing.assert_array_equal(alone.draws[metric][0], resampled.draws[metric][1])  # whoever else is scored


def test_pairing_tells_models_apart_whose_own_intervals_overlap() -> None:
    y_true = np.random.default_rng(0).integers(0, 5, 400)
    weak = _model(y_true, 5, 0.6, 1)
    strong = weak.copy()
    strong[np.flatnonzero(weak != y_true)[:12]] = y_true[np.flatnonzero(weak != y_true)[:12]]
    resampled = _resampled(y_true, [weak, strong], 5, resamples=1000, seed=0)
    assert resampled.interval("accuracy", 0, 0.95).high > resampled.interval("accuracy", 1, 0.95).low
    assert not resampled.difference("accuracy", 1, 0, 0.95).holds_zero


def test_the_interval_of_accuracy_covers_the_truth_about_as_often_as_it_says() -> None:
    rng = np.random.default_rng(0)
    covered = 0
    for trial in range(300):
        y_true = rng.integers(0, 4, 200)
        y_pred = np.where(rng.random(200) < 0.7, y_true, (y_true + 1) % 4)
        interval = _resampled(y_true, [y_pred], 4, resamples=300, seed=trial).interval("accuracy", 0, 0.9)
        covered += interval.low <= 0.7 <= interval.high
    assert 0.84 <= covered / 300 <= 0.95


def test_blocks_do_not_change_the_draws() -> None:
    y_true = np.random.default_rng(0).integers(0, 6, 200)
    y_pred = _model(y_true, 6, 0.5, 1)
    whole = _resampled(y_true, [y_pred], 6, resamples=150, seed=3)
    pieces = _resampled(y_true, [y_pred], 6, resamples=150, seed=3, block=400)
    for metric in FORMULAS:
        np.testing.assert_array_equal(whole.draws[metric], pieces.draws[metric])


def test_memory_stays_bounded_when_every_row_is_distinct() -> None:
    rows = 20_000
    y_true = np.arange(rows) % 200
    models = [np.random.default_rng(seed).integers(0, 200, rows) for seed in range(3)]
    judge, labels, answers = _asked(y_true, models, 200)
    tracemalloc.start()
    bootstrap(judge, labels, answers, Draws(300, seed=0))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 200 * 2**20


def test_no_rows_are_refused() -> None:
    with pytest.raises(ValueError, match="no rows"):
        _resampled(np.array([], dtype=np.int64), [np.array([], dtype=np.int64)], 2, resamples=100, seed=0)


def test_the_intervals_of_one_model_are_those_of_its_bootstrap() -> None:
    y_true = np.random.default_rng(0).integers(0, 3, 90)
    judge, labels, (answers,) = _asked(y_true, [_model(y_true, 3, 0.6, 1)], 3)
    draws = Draws(resamples=100, seed=4, confidence=0.8)
    resampled = bootstrap(judge, labels, [answers], draws)
    assert intervals(judge, labels, answers, draws) == {name: resampled.interval(name, 0, 0.8) for name in FORMULAS}
    found = intervals(judge, labels, answers, draws)
    assert {name: one.value for name, one in found.items()} == point_scores(judge, labels, answers)


class _Shares:
    """Judges by the share of answers that are right, from facts that add up: how many are right, and of how many."""

    def facts(self, labels: Sequence[Any], answers: Any) -> Ints:
        return np.stack([np.array(labels) == np.array(answers), np.ones(len(labels))], axis=1).astype(np.int64)

    def scores(self, facts: Ints, drawn: Ints) -> Mapping[str, Floats]:
        return {"share": (drawn @ facts[:, 0]) / (drawn @ facts[:, 1])}


def test_of_groups_whole_ones_are_drawn() -> None:
    rng = np.random.default_rng(2)
    sizes = rng.integers(1, 9, 40)
    groups = np.repeat(np.arange(40), sizes)
    hard = rng.random(40) < 0.5  # groups that are all right, or all wrong
    answers = hard[groups].astype(int)
    draws = Draws(resamples=2000, seed=0)
    found = intervals(_Shares(), [0] * len(groups), answers, draws, groups.tolist())["share"]
    picked = rng.integers(0, 40, (2000, 40))
    plain = ((~hard * sizes)[picked].sum(axis=1)) / sizes[picked].sum(axis=1)
    assert found.value == (answers == 0).mean()
    assert (found.low, found.high) == pytest.approx(np.quantile(plain, [0.025, 0.975]), abs=0.02)
    alone = intervals(_Shares(), [0] * len(groups), answers, draws)["share"]
    assert found.high - found.low > 1.5 * (alone.high - alone.low)


def test_a_row_without_a_group_is_one_of_its_own() -> None:
    labels, answers, draws = [0] * 30, [0, 1, 0] * 10, Draws(resamples=200, seed=0)
    alone = intervals(_Shares(), labels, answers, draws)
    assert intervals(_Shares(), labels, answers, draws, [None] * 30) == alone
    (one,) = intervals(_Shares(), labels, answers, draws, ["a"] * 30).values()
    assert one.low == one.high == one.value == pytest.approx(2 / 3)


class _Medians:
    """Judges by the median of numbers, which does not add up over the rows of a group."""

    def facts(self, labels: Sequence[Any], answers: Any) -> Floats:
        return np.array(answers, dtype=np.float64)[:, None]

    def scores(self, facts: Floats, drawn: Ints) -> Mapping[str, Floats]:
        return {"median": np.array([np.median(np.repeat(facts[:, 0], counts)) for counts in drawn])}


def test_a_score_that_does_not_add_up_is_of_the_rows_of_the_drawn_groups() -> None:
    rng = np.random.default_rng(5)
    groups = np.repeat(np.arange(12), rng.integers(1, 6, 12))
    answers = rng.normal(groups, 0.1)
    draws = Draws(resamples=2000, seed=0)
    found = intervals(_Medians(), groups.tolist(), answers, draws, groups.tolist())["median"]
    plain = [
        np.median(np.concatenate([answers[groups == group] for group in rng.integers(0, 12, 12)])) for _ in range(2000)
    ]
    assert (found.low, found.high) == pytest.approx(np.quantile(plain, [0.025, 0.975]), abs=0.6)
