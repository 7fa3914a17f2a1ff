"""The metric of answers from elsewhere: equal but for ties, whatever the label is."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import f1_score

from finetrail.errors import RoundTripError
from finetrail.evaluation.scores.metric import Metric
from finetrail.targets.agreement import TOLERANCE
from finetrail.targets.class_sets import CLASS_SETS
from finetrail.targets.classes import CLASSES
from finetrail.targets.numbers import NUMBERS
from finetrail.targets.same_number import Place, Questions, same_number, told
from finetrail.targets.tags import TAGS
from finetrail.targets.tags.codec import TagCodec
from finetrail.targets.target import Target

PLACE = Place("the export", "nothing was written: do something else")
LABELS = ["a", "b", "c"]
ROWS = 60


def _metric(target: Target) -> Metric:
    return target.metrics[-1]


def _questions(target: Target, described: dict[str, Any], labels: list[Any], answers: Any) -> Questions:
    codec = target.codec(described)
    return Questions(codec, [f"{row:02d}" for row in range(len(labels))], labels, [None] * len(labels), answers)


@pytest.fixture
def classes() -> Questions:
    """Logits of up to about 8, three in four right; rows 0 and 1 are at a tie of a and b, and the label says a."""
    chance = np.random.default_rng(0)
    actual = chance.integers(0, 3, ROWS)
    logits = chance.normal(size=(ROWS, 3)).astype(np.float32)
    logits[np.arange(ROWS), np.where(chance.random(ROWS) < 0.75, actual, (actual + 1) % 3)] += 6
    actual[:2] = 0
    logits[:2] = [4.0001, 4.0, -4.0]
    return _questions(CLASSES, {"labels": LABELS}, [LABELS[k] for k in actual], logits)


def test_the_metric_is_scikit_learns(classes: Questions) -> None:
    predicted = [LABELS[k] for k in classes.answers.argmax(1)]
    expected = f1_score(classes.labels, predicted, average="macro")
    assert same_number(classes, _metric(CLASSES), classes.answers.copy(), PLACE) == pytest.approx(expected, abs=1e-12)


def test_rows_at_a_tie_may_be_answered_otherwise_and_the_number_says_so(classes: Questions) -> None:
    said = classes.answers.copy()
    said[:2, 1] += 0.0002
    found = same_number(classes, _metric(CLASSES), said, PLACE)
    assert found < classes.score(_metric(CLASSES), classes.answers)


def test_a_row_that_is_not_at_a_tie_may_not(classes: Questions) -> None:
    said = classes.answers.copy()
    right = next(row for row in range(2, ROWS) if LABELS[said[row].argmax()] == classes.labels[row])
    said[right] = said[right][[1, 2, 0]]
    trained = classes.score(_metric(CLASSES), classes.answers)
    message = (
        rf"^macro F1 of the export is 0\.\d+ on 60 validation rows, but {trained:.6g} where it was trained: 1 answers "
        r"are other ones, by more than 0\.00\d+; nothing was written: do something else$"
    )
    with pytest.raises(RoundTripError, match=message):
        same_number(classes, _metric(CLASSES), said, PLACE)


def test_another_answer_that_leaves_the_metric_is_refused_too(classes: Questions) -> None:
    said = classes.answers * 1.5  # another temperature: the same classes
    with pytest.raises(RoundTripError, match=r"^the export answers row \d\d with \(.*\), but the pipeline with .*"):
        same_number(classes, _metric(CLASSES), said, PLACE)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_an_answer_that_is_not_finite_has_no_metric(classes: Questions, value: float) -> None:
    said = classes.answers.copy()
    said[5, 0] = value
    with pytest.raises(RoundTripError, match=r"^macro F1 of the export is nan on 60 validation rows"):
        same_number(classes, _metric(CLASSES), said, PLACE)


@given(seed=st.integers(0, 2**32 - 1), share=st.floats(0, 0.99))
def test_whatever_lies_within_the_tolerance_is_the_same(seed: int, share: float) -> None:
    chance = np.random.default_rng(seed)
    logits = np.round(chance.normal(size=(20, 3)), 2)  # ties are common
    rows = _questions(CLASSES, {"labels": LABELS}, [LABELS[k] for k in chance.integers(0, 3, 20)], logits)
    noise = chance.uniform(-1, 1, logits.shape) * share * TOLERANCE * np.abs(logits).max()
    same_number(rows, _metric(CLASSES), logits + noise, PLACE)


def test_numbers_within_the_tolerance_are_the_same_and_others_are_not() -> None:
    chance = np.random.default_rng(1)
    labels = chance.normal(100, 10, ROWS)
    answers = (labels + chance.normal(size=ROWS))[:, None]
    rows = _questions(NUMBERS, {"mean": 100.0, "std": 10.0}, labels.tolist(), answers)
    rmse = _metric(NUMBERS)
    assert same_number(rows, rmse, answers + 0.01, PLACE) != rows.score(rmse, answers)
    with pytest.raises(RoundTripError, match=r"^RMSE of the export is 1\.\d+ on 60 .* but \S+ where .*: 60 answers"):
        same_number(rows, rmse, answers + 1, PLACE)


def test_the_ranking_of_sets_may_change_at_a_tie_alone() -> None:
    chance = np.random.default_rng(2)
    logits = chance.normal(0, 3, (ROWS, 3))
    labels = [[LABELS[k] for k in range(3) if row[k] + chance.normal() > 0] for row in logits]
    logits[1] = logits[0] + 1e-5
    described = {"labels": LABELS, "thresholds": [0.5] * 3, "slopes": [1.0] * 3, "shifts": [0.0] * 3}
    rows, said = _questions(CLASS_SETS, described, labels, logits), logits.copy()
    said[[0, 1]] = logits[[1, 0]]
    same_number(rows, _metric(CLASS_SETS), said, PLACE)
    said[[0, 5]] = logits[[5, 0]]
    with pytest.raises(RoundTripError, match=r"^mAP of the export is 0\.\d+ on 60 validation rows, but"):
        same_number(rows, _metric(CLASS_SETS), said, PLACE)


def _tagged() -> Questions:
    codec = TagCodec(("PER", "LOC"))
    words = [[(0, 3), (4, 8)] for _ in range(4)]
    tags = [["B-PER", "O"], ["B-PER", "I-PER"], ["O", "B-LOC"], ["O", "O"]]
    logits = [5 * np.eye(5, dtype=np.float32)[[codec.number_of[tag] for tag in row]] for row in tags]
    answers = codec.answered(words, logits)
    labels = [[{"start": span.start, "end": span.end, "type": span.type} for span in spans] for spans in answers.spans]
    return Questions(codec, list("wxyz"), labels, [None] * 4, answers)


def test_spans_that_move_are_told_by_their_metric() -> None:
    rows = _tagged()
    codec: Any = rows.codec
    f1 = next(metric for metric in TAGS.metrics if metric.name == "f1")
    assert same_number(rows, f1, rows.answers, PLACE) == 1
    moved = codec.answered(rows.answers.words, [*rows.answers.logits[:3], rows.answers.logits[0]])
    with pytest.raises(RoundTripError, match=r"F1 of the export is 0\.857143 on 4 validation rows, but 1 where"):
        same_number(rows, f1, moved, PLACE)


def test_what_is_heard_means_what_was_said_and_nothing_else(classes: Questions) -> None:
    sets = _questions(
        CLASS_SETS,
        {"labels": LABELS, "thresholds": [0.5, 0.2, 0.7], "slopes": [2.0] * 3, "shifts": [0.5] * 3},
        [[]] * ROWS,
        classes.answers,
    )
    numbers = _questions(NUMBERS, {"mean": 0.0, "std": 1.0}, [0.0] * ROWS, classes.answers[:, :1])
    for rows in (classes, sets, numbers, _tagged()):
        codec, known = rows.codec, rows.answers
        said = codec.say(known)
        said = {name: list(column) for name, column in said.items()}
        assert codec.apart(codec.heard(said, known), known).max() == 0
        turned = {name: [*column[1:], column[0]] for name, column in said.items()}
        heard = codec.say(codec.heard(turned, known))
        for name in {"label", "labels", "prediction"} & set(heard):
            assert list(map(_plain, heard[name])) == list(map(_plain, turned[name]))
        if "spans" in heard:
            assert [[one["type"] for one in row] for row in heard["spans"]] == [["PER"], ["LOC"], [], ["PER"]]


def _plain(value: Any) -> Any:
    return sorted(value) if isinstance(value, list) else value


@pytest.mark.parametrize(
    ("target", "described", "said", "message"),
    [
        (CLASSES, {"labels": LABELS}, {"label": ["z"]}, "it says the label 'z', which is none of the 3"),
        (
            CLASS_SETS,
            {"labels": LABELS, "thresholds": [0.5] * 3},
            {"labels": [["a", "z"]]},
            "it says the label 'z', which",
        ),
        (
            TAGS,
            {"types": ["PER"], "plain": False},
            {"spans": [[{"start": 0, "end": 3, "type": "ORG"}]]},
            "it says the type 'ORG', which",
        ),
    ],
)
def test_what_no_model_of_these_labels_says_is_no_answer(
    target: Target, described: dict[str, Any], said: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError, match=f"^{message}"):
        target.codec(described).heard(said, None)


def test_the_line_names_every_place() -> None:
    line = told(_metric(CLASSES), 256, {"trained": 0.87649, "merged": 0.87649, "onnx": 0.87651})
    assert line == "macro F1 on 256 validation rows: trained 0.876, merged 0.876, onnx 0.877"
