"""How often candidates disagree, for every kind of target, and their paired difference, on answers that are known."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from finetrail.commands.compare.disagreement import disagreement
from finetrail.evaluation.scores.bootstrap import Interval
from finetrail.evaluation.selection import Selection
from finetrail.run_paths import RunPaths
from finetrail.targets.class_sets.codec import SetCodec
from finetrail.targets.classes import CLASSES
from finetrail.targets.classes.codec import ClassCodec
from finetrail.targets.numbers.codec import NumberCodec
from finetrail.targets.results import Result, resampled, result_of
from finetrail.targets.tags.codec import TagCodec

LABELS = ("cat", "dog", "owl")


def classifier(name: str, classes: list[int]) -> Result:
    """A candidate that answers these classes; the labels are 0, 1, 2, 0, 1, 2, ..."""
    frame = pd.DataFrame(
        {
            "id": [f"row{row}" for row in range(len(classes))],
            "label": [LABELS[row % 3] for row in range(len(classes))],
            "logits": list(np.eye(3, dtype=np.float32)[classes]),
        }
    )
    metrics = {"target": {"labels": list(LABELS)}, "parameters": {"trainable": 1, "total": 2}}
    return result_of(RunPaths(Path("data/runs") / name), CLASSES, metrics, frame)


@given(st.lists(st.lists(st.integers(0, 2), min_size=6, max_size=6), min_size=1, max_size=4))
def test_the_share_of_rows_with_another_class(answers: list[list[int]]) -> None:
    shares = disagreement([classifier(f"c{number}", classes) for number, classes in enumerate(answers)])
    expected = [[sum(a != b for a, b in zip(one, other, strict=True)) / 6 for other in answers] for one in answers]
    assert np.array(shares) == pytest.approx(np.array(expected))
    assert [shares[k][k] for k in range(len(answers))] == [0.0] * len(answers)


def test_two_candidates_that_are_the_same_differ_by_nothing() -> None:
    classes = [0, 1, 1, 0, 2, 2, 0, 1, 2] * 5
    twins = [classifier("one", classes), classifier("other", classes), classifier("third", [0] * 45)]
    assert disagreement(twins)[0][1] == 0.0
    found = resampled(twins, Selection(metric="macro_f1", resamples=200))
    assert found.difference("macro_f1", 0, 1, 0.95) == Interval(0.0, 0.0, 0.0)
    assert found.difference("macro_f1", 0, 2, 0.95).low > 0


def test_classes_are_compared_by_name() -> None:
    """Whatever order each model has them in."""
    one, other = ClassCodec(("cat", "dog")), ClassCodec(("dog", "cat"))
    logits = np.array([[2.0, 1.0], [1.0, 2.0]])
    assert one.differ(logits, logits, one).tolist() == [False, False]
    assert one.differ(logits, logits, other).tolist() == [True, True]


def test_sets_are_compared_as_each_model_s_own_thresholds_give_them() -> None:
    low, high = SetCodec(("a", "b"), (0.1, 0.5)), SetCodec(("a", "b"), (0.9, 0.5))
    logits = np.array([[0.0, 3.0], [5.0, 3.0]], dtype=np.float32)  # probability of a: 0.5 and 0.993
    assert low.differ(logits, logits, low).tolist() == [False, False]
    assert low.differ(logits, logits, high).tolist() == [True, False]


def test_numbers_differ_beyond_a_tenth_of_the_labels_standard_deviation() -> None:
    codec = NumberCodec(mean=100.0, std=20.0)
    one, other = np.array([[100.0], [100.0], [100.0]]), np.array([[101.9], [102.1], [97.9]])
    assert codec.differ(one, other, codec).tolist() == [False, True, True]
    assert codec.differing == "a number more than 0.1 standard deviations of the labels away"


def test_taggers_differ_where_their_spans_do_however_sure_they_are() -> None:
    codec = TagCodec(("PER",))
    words = [[(0, 3), (4, 7)]] * 3
    begin, out = [0.0, 5.0, 0.0], [5.0, 0.0, 0.0]
    sure = np.array([begin, out], dtype=np.float32)
    one = codec.answered(words, [sure, sure, sure])
    other = codec.answered(words, [sure, sure * 2, np.array([out, begin], dtype=np.float32)])
    assert codec.differ(one, other, codec).tolist() == [False, False, True]
