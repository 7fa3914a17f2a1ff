"""How good the answers of a classifier are: its metrics, right answers, and the best constant one."""

import numpy as np
import pytest

from finetrail.evaluation.scores.bootstrap import point_scores
from finetrail.targets.classes.codec import ClassCodec
from finetrail.targets.classes.judge import ClassJudge
from finetrail.targets.classes.metrics import scores

JUDGE = ClassJudge(ClassCodec(("a", "b", "c")))
LABELS = ["c", "c", "b", "a"]
LOGITS = np.array([[0.0, 0.0, 5.0], [4.0, 0.0, 1.0], [0.0, 3.0, 1.0], [2.0, 0.0, 0.0]])


def test_the_metrics_are_those_of_the_actual_and_the_likeliest_classes() -> None:
    assert point_scores(JUDGE, LABELS, LOGITS) == scores(np.array([2, 2, 1, 0]), LOGITS.argmax(axis=1), 3)


def test_a_row_is_right_where_its_class_is_the_likeliest() -> None:
    assert JUDGE.right(LABELS, LOGITS).tolist() == [True, False, True, True]


def test_the_best_constant_is_the_commonest_class() -> None:
    assert JUDGE.constant(["c", "c", "b"]).argmax(axis=1).tolist() == [2, 2, 2]


def test_the_gate_judges_the_recall_of_each_class() -> None:
    groups = JUDGE.groups(LABELS, LOGITS)
    assert list(groups) == ["recall of a", "recall of b", "recall of c"]
    rows, right = groups["recall of c"]
    assert rows.tolist() == [True, True, False, False]
    assert right[rows].tolist() == [True, False]


def test_the_gate_bounds_the_calibration_error() -> None:
    sure = 100 * np.eye(3)[LOGITS.argmax(axis=1)]
    assert JUDGE.errors(LABELS, sure) == {"calibration": pytest.approx(0.25)}


def test_a_card_says_how_each_class_is_found_and_what_to_beware_of() -> None:
    per_class = {"a": {"precision": 0.5, "recall": 1.0, "f1": 2 / 3, "support": 1200}}
    tested = {"per_class": per_class, "calibration": {"ece": 0.0321}}
    head = "| label | precision | recall | F1 | rows |\n|---|---|---|---|---|\n"
    assert JUDGE.told(tested) == [head + "| a | 0.500 | 1.000 | 0.667 | 1,200 |"]
    always, calibrated = JUDGE.limits(tested)
    assert "always answers with one of its labels" in always
    assert "off by 0.032 on average" in calibrated
    assert JUDGE.limits({}) == [always]
