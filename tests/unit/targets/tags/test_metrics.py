"""The metrics of spans against seqeval and nervaluate, and that they add up."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from finetrail.data.words import words
from finetrail.evaluation.scores.bootstrap import Floats, Ints
from finetrail.targets.tags.alignment import encode
from finetrail.targets.tags.metrics import NAMES, per_type, scores, statistics
from finetrail.targets.tags.spans import Span
from tests.unit.targets.tags.labels import TYPES, Row, answers, rows


def counted(given: Sequence[Row], types: Sequence[str] = TYPES) -> Ints:
    return statistics([row[1] for row in given], [row[2] for row in given], [row[0] for row in given], types)


def one(sums: Ints, **settings: bool) -> dict[str, float]:
    return {name: float(value[0]) for name, value in scores(sums[None], **settings).items()}


def as_tags(given: Sequence[Row]) -> tuple[list[list[str]], list[list[str]]]:
    return [encode(row[1], row[0]) for row in given], [encode(row[2], row[0]) for row in given]


@given(answers)
def test_strict_scores_are_those_of_seqeval(given: list[Row]) -> None:
    from seqeval import scheme
    from seqeval.metrics.v1 import precision_recall_fscore_support

    occurring = sorted({span.type for row in given for spans in row[1:] for span in spans})
    assume(occurring)
    true, predicted = as_tags(given)
    sums = counted(given, occurring).sum(axis=0)

    def theirs(average: str | None) -> tuple[Any, Any, Any, Any]:
        found: tuple[Any, Any, Any, Any] = precision_recall_fscore_support(
            true, predicted, average=average, scheme=scheme.IOB2, zero_division=0
        )
        return found

    precision, recall, f1, support = theirs(None)
    table = per_type(sums)
    np.testing.assert_allclose(table.precision, precision)
    np.testing.assert_allclose(table.recall, recall)
    np.testing.assert_allclose(table.f1, f1)
    np.testing.assert_array_equal(table.support, support)
    found = one(sums)
    assert (found["precision"], found["recall"], found["f1"]) == pytest.approx(theirs("micro")[:3])
    # Theirs runs over types that were only predicted as well.
    supported = f1[support > 0]
    assert found["macro_f1"] == pytest.approx(supported.mean() if len(supported) else 0)
    if (support > 0).all():
        assert found["macro_f1"] == pytest.approx(theirs("macro")[2])


@given(answers)
def test_conlleval_and_accuracy_are_those_of_seqevals_default_mode(given: list[Row]) -> None:
    from seqeval.metrics import accuracy_score, f1_score

    true, predicted = as_tags(given)
    found = one(counted(given).sum(axis=0))
    assume(any(true))
    assert found["accuracy"] == pytest.approx(accuracy_score(true, predicted))
    assume(any(row[1] or row[2] for row in given))
    assert found["conlleval_f1"] == pytest.approx(f1_score(true, predicted, zero_division=0))
    assert found["conlleval_f1"] == found["f1"]


def nervaluate(given: Sequence[Row]) -> dict[str, dict[str, Any]]:
    """Of each type that occurs and each way to match: correct, partial, missed, f1 and so on."""
    from nervaluate import Evaluator

    true, predicted = as_tags(given)
    found: dict[str, dict[str, Any]] = Evaluator(true, predicted, tags=list(TYPES), loader="list").evaluate()[
        "entities"
    ]
    return found


@given(answers)
def test_strict_and_partial_scores_of_a_type_are_those_of_nervaluate(given: list[Row]) -> None:
    table = per_type(counted(given).sum(axis=0))
    theirs = nervaluate(given)
    for number, kind in enumerate(TYPES):
        strict, partial = (getattr(theirs.get(kind, {}).get(way), "f1", 0) for way in ("strict", "partial"))
        assert (table.f1[number], table.partial_f1[number]) == pytest.approx((strict, partial))
    parts = [theirs[kind]["partial"] for kind in theirs]
    credit = sum(one.correct + 0.5 * one.partial for one in parts)
    both = sum(one.possible + one.actual for one in parts)
    assert one(counted(given).sum(axis=0))["partial_f1"] == pytest.approx(2 * credit / both if both else 0)


@given(answers)
def test_type_scores_are_those_of_nervaluate_where_pairs_are_not_ambiguous(given: list[Row]) -> None:
    table = per_type(counted(given).sum(axis=0))
    theirs = nervaluate(given)

    def meets(span: Span, gold: Sequence[Span]) -> int:
        return sum(one.type == span.type and one.start < span.end and span.start < one.end for one in gold)

    ambiguous = any(meets(span, row[1]) > 1 for row in given for span in row[2])
    for number, kind in enumerate(TYPES):
        expected = getattr(theirs.get(kind, {}).get("ent_type"), "f1", 0)
        # It takes the nearest span, even where another pairing would leave fewer spans alone.
        assert table.type_f1[number] >= expected - 1e-12
        if not ambiguous:
            assert table.type_f1[number] == pytest.approx(expected)


@given(answers, st.data())
def test_statistics_add_up(given: list[Row], data: st.DataObject) -> None:
    drawn = data.draw(st.lists(st.integers(0, len(given) - 1), min_size=1, max_size=6))
    weights = np.bincount(drawn, minlength=len(given))
    again = counted([given[number] for number in drawn]).sum(axis=0)
    np.testing.assert_array_equal(weights @ counted(given), again)


@given(answers)
def test_resamples_are_scored_each_by_itself(given: list[Row]) -> None:
    weights = np.array([[1] * len(given), [2, *[0] * (len(given) - 1)], [0] * len(given)])
    sums = weights @ counted(given)
    together = scores(sums)
    assert list(together) == list(NAMES)
    for number in range(3):
        assert {name: values[number] for name, values in together.items()} == one(sums[number])
    assert set(one(sums[2]).values()) == {0.0}
    assert all(0 <= value <= 1 for values in together.values() for value in values)


@given(answers)
def test_the_label_itself_is_the_best_answer(given: list[Row]) -> None:
    assume(any(row[1] for row in given))
    perfect = [(units, gold, gold) for units, gold, _ in given]
    assert set(one(counted(perfect).sum(axis=0)).values()) == {1.0}
    assert set(one(counted(perfect).sum(axis=0), plain=True).values()) == {1.0}


def type_at(place: int, spans: Sequence[Span]) -> str | None:
    return next((span.type for span in spans if span.start <= place < span.end), None)


@given(st.lists(rows(full=True), min_size=1, max_size=4))
def test_accuracy_of_plain_tags_asks_what_covers_the_first_word(given: list[Row]) -> None:
    right = [(span.type, type_at(span.start, row[2]) == span.type) for row in given for span in row[1]]
    sums = counted(given).sum(axis=0)
    expected = np.mean([hit for _, hit in right]) if right else 0
    assert one(sums, plain=True)["accuracy"] == pytest.approx(expected)
    table: Floats = per_type(sums).accuracy
    for number, kind in enumerate(TYPES):
        hits = [hit for name, hit in right if name == kind]
        assert table[number] == pytest.approx(np.mean(hits) if hits else 0)


def test_by_hand() -> None:
    text = "Anna Berg met Bob in New York today"
    gold = [Span(0, 9, "PER"), Span(14, 17, "PER"), Span(21, 29, "LOC")]
    predicted = [Span(0, 4, "PER"), Span(14, 17, "ORG"), Span(21, 29, "LOC"), Span(30, 35, "LOC")]
    sums = counted([(words(text), gold, predicted)]).sum(axis=0)
    assert one(sums) == pytest.approx(
        {
            "f1": 2 / 7,
            "macro_f1": (2 / 3 + 0) / 2,  # LOC and PER; ORG is in no label
            "precision": 1 / 4,
            "recall": 1 / 3,
            "partial_f1": 3 / 7,
            "conlleval_f1": 2 / 7,
            "accuracy": 5 / 8,
        }
    )
    assert one(sums, plain=True)["accuracy"] == pytest.approx(2 / 3)
    table = per_type(sums)
    assert table.support.tolist() == [1, 0, 2]
    assert table.predicted.tolist() == [2, 1, 1]
    assert table.type_f1.tolist() == pytest.approx([2 / 3, 0, 2 / 3])


def test_a_span_that_cuts_words_counts_for_each_of_them() -> None:
    cut = [Span(1, 6, "PER")]
    sums = counted([(words("Anna Berg"), [Span(0, 9, "PER")], cut)]).sum(axis=0)
    assert one(sums)["accuracy"] == 1
    assert (one(sums)["f1"], one(sums)["conlleval_f1"]) == (0, 1)


def test_a_type_that_is_not_counted_is_refused() -> None:
    with pytest.raises(ValueError, match="span 0-1 DOG has none of the 3 types that are counted"):
        counted([([(0, 1)], [], [Span(0, 1, "DOG")])])


def test_no_rows() -> None:
    assert counted([]).shape == (0, 5 * len(TYPES) + 5)
    assert counted([], []).shape == (0, 5)
    assert set(one(counted([], []).sum(axis=0)).values()) == {0.0}
