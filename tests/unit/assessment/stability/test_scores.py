"""What the trainings say, on answers that one can see through, for every kind of target."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from sklearn.metrics import f1_score

from finetrail.assessment.stability.gathered import Trained, planned
from finetrail.assessment.stability.report import page
from finetrail.assessment.stability.scores import Asked, Measured, measured, said
from finetrail.assessment.stability.settings import Stability
from finetrail.evaluation.selection import Selection
from finetrail.serving.predictions import read_predictions
from finetrail.targets.class_sets import CLASS_SETS
from finetrail.targets.classes import CLASSES
from finetrail.targets.numbers import NUMBERS
from finetrail.targets.results import Result
from finetrail.targets.tags import TAGS
from finetrail.targets.target import Target
from finetrail.units.unit import Unit

ROWS = 60
LABELS = ["cat", "dog", "owl"]
TARGET = {"labels": LABELS}
Make = Callable[[str, Unit], pd.DataFrame]


def classes(actual: np.ndarray, said: np.ndarray) -> pd.DataFrame:
    logits = [row.astype(np.float32) for row in np.eye(3)[said]]
    ids = [f"r{row}" for row in range(len(actual))]
    return pd.DataFrame({"id": ids, "label": [LABELS[k] for k in actual], "logits": logits})


ACTUAL = np.random.default_rng(7).integers(0, 3, ROWS)


def wrong_in(rows: Sequence[int]) -> pd.DataFrame:
    """Right but in these rows."""
    given = ACTUAL.copy()
    given[list(rows)] = (given[list(rows)] + 1) % 3
    return classes(ACTUAL, given)


def assessed(
    target: Target, described: dict[str, Any], make: Make, names: Sequence[str] = ("only",), **settings: Any
) -> Measured:
    """Measure trainings that `make` answers for. The costs of the candidates are in the order of their names."""
    chosen = Stability.model_validate({"seeds": 3, "resamples": 3, **settings})
    plan = planned(chosen, 0)
    trained = [
        Trained(name, unit, described, round(ROWS * unit.fraction), make(name, unit))
        for name in names
        for unit in plan.units
    ]
    results = []
    for cost, name in enumerate(names):
        frame, codec = make(name, Unit(0)), target.codec(described)
        results.append(Result(name, codec, frame[["id", "label"]], codec.read(frame), cost, cost))
    selection = Selection(metric=target.metrics[-1].name, resamples=200)
    asked = Asked(names[0], target, results, plan, chosen, selection, target.metrics[-1])
    table = [
        one.frame.assign(candidate=one.candidate, seed=one.unit.seed, fraction=one.unit.fraction) for one in trained
    ]
    return measured(asked, trained, pd.concat(table, ignore_index=True))


def test_a_training_that_ignores_seed_and_rows_does_not_vary() -> None:
    found = assessed(CLASSES, TARGET, lambda name, unit: wrong_in(range(6)))
    (one,) = found.candidates
    assert one.seeds is not None
    assert one.resamples is not None
    assert one.parts is not None
    for over in (one.seeds, one.resamples):
        assert (over.spread.std, over.churn.value, over.churn.ends.high) == (0.0, 0.0, 0.0)
        assert {group.share.std for group in over.groups} == {0.0}
    assert one.parts.seed_share is None
    assert found.flips == ()


def test_churn_is_the_share_of_rows_over_all_pairs() -> None:
    """Seed k is wrong in the rows from 10 k to 10 k + 5: each pair of three differs in ten rows of sixty."""

    def make(name: str, unit: Unit) -> pd.DataFrame:
        return wrong_in(range(10 * unit.seed, 10 * unit.seed + 5) if unit.fraction == 1 else range(5))

    (one,) = assessed(CLASSES, TARGET, make).candidates
    assert one.seeds is not None
    assert one.seeds.churn.value == pytest.approx(10 / 60)
    assert one.seeds.churn.ends.low < 10 / 60 < one.seeds.churn.ends.high
    expected = [f1_score(ACTUAL, _said(make("", Unit(seed))), average="macro") for seed in range(3)]
    assert one.seeds.spread.values == pytest.approx(expected)
    assert one.seeds.spread.std == pytest.approx(np.std(expected, ddof=1))
    for group in one.seeds.groups:
        rows = np.flatnonzero(LABELS.index(group.name.removeprefix("recall of ")) == ACTUAL)
        shares = [float((_said(make("", Unit(seed)))[rows] == ACTUAL[rows]).mean()) for seed in range(3)]
        assert (group.rows, group.share.worst) == (len(rows), min(shares))
        assert group.share.mean == pytest.approx(np.mean(shares))


def _said(frame: pd.DataFrame) -> np.ndarray:
    found: np.ndarray = np.stack(frame["logits"].tolist()).argmax(axis=1)
    return found


def test_two_candidates_that_are_the_same_never_flip() -> None:
    def make(name: str, unit: Unit) -> pd.DataFrame:
        return wrong_in(range(5 * unit.seed, 5 * unit.seed + 9))

    found = assessed(CLASSES, TARGET, make, names=["first", "second"])
    one, other = found.candidates
    assert one.seeds == other.seeds
    assert [(flips.over, flips.sets, flips.share) for flips in found.flips] == [
        ("seeds", 2, 0.0),
        ("resamples", 3, 0.0),
    ]
    assert [flips.chosen for flips in found.flips] == [{"first": 2}, {"first": 3}]


def test_a_choice_by_luck_flips_with_the_seed() -> None:
    """The dearer candidate wins with seed 0 alone, far enough for no tie."""

    def make(name: str, unit: Unit) -> pd.DataFrame:
        lucky = (name == "dear") == (unit.seed == 0)
        return wrong_in(range(2) if lucky else range(30))

    found = assessed(CLASSES, TARGET, make, names=["cheap", "dear"])
    assert [(flips.share, flips.chosen) for flips in found.flips] == [(1.0, {"cheap": 2}), (1.0, {"cheap": 3})]
    assert "another choice with 2 of 2 seeds and 3 of 3 resamples" in said(found.as_json())


def test_the_curve_counts_rows_and_takes_the_other_trainings_with_it() -> None:
    def make(name: str, unit: Unit) -> pd.DataFrame:
        return wrong_in(range(round(12 / unit.fraction)))

    (one,) = assessed(CLASSES, TARGET, make, curve=[0.25, 0.5]).candidates
    assert one.curve is not None
    assert list(one.curve.points) == [15, 30, 48, 60]
    assert one.curve.law is not None
    assert {len(spread.values) for spread in one.curve.points.values()} == {3}
    assert one.curve.gain > 0


def spans(rows: list[list[dict[str, Any]]]) -> pa.Array:
    return pa.array(rows, TAGS.arrow())


def frame_of(columns: dict[str, Any], tmp_path: Path) -> pd.DataFrame:
    """As it is read from a file."""
    pq.write_table(pa.table(columns), tmp_path / "answers.parquet")
    return read_predictions(tmp_path / "answers.parquet")


@pytest.mark.parametrize("target", [CLASS_SETS, NUMBERS, TAGS], ids=lambda target: target.name)
def test_every_target_says_how_steady_it_is(target: Target, tmp_path: Path) -> None:
    """The answer to every second row depends on the seed, and is another one for each."""

    def make(name: str, unit: Unit) -> pd.DataFrame:
        ids = [f"r{row}" for row in range(ROWS)]
        turns = [unit.seed if row % 2 else 0 for row in range(ROWS)]
        if target is NUMBERS:
            return frame_of(
                {"id": ids, "label": [float(row) for row in range(ROWS)], "prediction": [float(9 * n) for n in turns]},
                tmp_path,
            )
        if target is CLASS_SETS:
            logits = [[4.0 if n == k else -4.0 for k in range(4)] for n in turns]
            labels = pa.array([["a"]] * ROWS, CLASS_SETS.arrow())
            return frame_of({"id": ids, "label": labels, "logits": pa.array(logits, pa.list_(pa.float32()))}, tmp_path)
        best = [[0.0] * 7 for _ in turns]
        for row, n in zip(best, turns, strict=True):
            row[0 if n == 0 else 2 * n - 1] = 5.0
        labels = spans([[{"start": 0, "end": 3, "type": "A"}] if row % 3 else [] for row in range(ROWS)])
        words = pa.array([[0, 3]] * ROWS, pa.list_(pa.int64()))
        return frame_of(
            {"id": ids, "label": labels, "words": words, "logits": pa.array(best, pa.list_(pa.float32()))}, tmp_path
        )

    described: dict[str, dict[str, Any]] = {
        CLASS_SETS.name: {"labels": list("abcd"), "thresholds": [0.5] * 4},
        NUMBERS.name: {"mean": 0.0, "std": 1.0},
        TAGS.name: {"types": ["A", "B", "C"], "plain": False},
    }
    found = assessed(target, described[target.name], make)
    (one,) = found.candidates
    assert one.seeds is not None
    assert one.seeds.churn.value == pytest.approx(0.5)
    assert one.seeds.spread.worst == min(one.seeds.spread.values, key=target.metrics[-1].goodness)
    assert said(found.as_json()).startswith(target.metrics[-1].title)


def test_the_page_stands_alone_and_escapes_what_users_wrote() -> None:
    names = ["<i>a", "b", "c"]

    def make(name: str, unit: Unit) -> pd.DataFrame:
        frame = wrong_in(range(round((9 + unit.seed) / unit.fraction)))
        return frame.assign(label=[names[LABELS.index(label)] for label in frame["label"]])

    found = assessed(CLASSES, {"labels": names}, make, names=["first", "second"], curve=[0.25, 0.5])
    shown = page(found, "text-classification", "another class")
    assert shown.count("<svg") == 3
    assert shown.count("How to read") == 7
    for words in (
        "recall of &lt;i&gt;a",
        "Would the choice have flipped?",
        "training rows",
        "macro F1 of every training",
    ):
        assert words in shown
    assert "<i>" not in shown
    assert "<script" not in shown
    assert "http" not in shown.replace("http-equiv", "")
    assert page(found, "text-classification", "another class") == shown


def test_the_page_leaves_out_what_was_not_asked_for() -> None:
    shown = page(assessed(CLASSES, TARGET, lambda name, unit: wrong_in(range(6)), resamples=0), "task", "another class")
    for words in ("Seed or data", "flipped", "more rows", "resamples,"):
        assert words not in shown
