"""Every span is in one comparison, whose kind says what is wrong."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given

from finetrail.data.words import words
from finetrail.targets.tags.metrics import per_type, statistics
from finetrail.targets.tags.mistakes import KINDS, Comparison, Kind, compare, confusion, count_kinds
from finetrail.targets.tags.spans import Span
from tests.unit.targets.tags.labels import TYPES, Row, answers, rows

TEXT = "one two three four five"
WORDS = words(TEXT)


def span(first: int, last: int, kind: str = "PER") -> Span:
    """Words `first` to `last`, both of them, from 1."""
    return Span(WORDS[first - 1][0], WORDS[last - 1][1], kind)


@pytest.mark.parametrize(
    ("gold", "predicted", "kind"),
    [
        (span(1, 2), span(1, 2), "right"),
        (span(1, 2), span(1, 2, "LOC"), "type"),
        (span(1, 2), span(1, 3), "one_word"),
        (span(2, 3), span(1, 3), "one_word"),
        (span(1, 2), span(2, 2), "one_word"),
        (span(1, 2), span(2, 3), "boundary"),  # one word off at both ends
        (span(1, 1), span(1, 3), "boundary"),
        (span(1, 2), span(2, 3, "LOC"), "type_and_boundary"),
        (span(1, 2), None, "missed"),
        (None, span(1, 2), "spurious"),
    ],
)
def test_kinds(gold: Span | None, predicted: Span | None, kind: Kind) -> None:
    found = compare([gold] if gold else [], [predicted] if predicted else [], WORDS)
    assert found == [Comparison(kind, gold, predicted)]


def test_the_right_type_goes_before_another_one() -> None:
    gold, predicted = [span(1, 3), span(4, 5, "LOC")], [span(1, 1, "LOC"), span(2, 4)]
    assert compare(gold, predicted, WORDS) == [
        Comparison("spurious", None, predicted[0]),
        Comparison("boundary", gold[0], predicted[1]),
        Comparison("missed", gold[1], None),
    ]


def test_a_span_that_was_taken_for_two_is_found_once() -> None:
    gold, predicted = [span(1, 4)], [span(1, 2), span(3, 4)]
    assert [one.kind for one in compare(gold, predicted, WORDS)] == ["boundary", "spurious"]


@given(rows())
def test_every_span_is_in_one_comparison(row: Row) -> None:
    found, gold, predicted = row
    comparisons = compare(gold, predicted, found)
    assert Counter(one.gold for one in comparisons if one.gold) == Counter(gold)
    assert Counter(one.predicted for one in comparisons if one.predicted) == Counter(predicted)
    starts = [(one.gold or one.predicted or span(1, 1)).start for one in comparisons]
    assert starts == sorted(starts)
    for one in comparisons:
        assert (one.kind == "missed") == (one.predicted is None)
        assert (one.kind == "spurious") == (one.gold is None)


@given(answers)
def test_the_kinds_agree_with_the_metrics(given: list[Row]) -> None:
    found = [compare(gold, predicted, units) for units, gold, predicted in given]
    kinds = count_kinds(found)
    assert tuple(kinds) == KINDS
    assert kinds == {kind: sum(one.kind == kind for row in found for one in row) for kind in KINDS}
    labels, predicted, units = [row[1] for row in given], [row[2] for row in given], [row[0] for row in given]
    sums = statistics(labels, predicted, units, TYPES).sum(axis=0)
    table = per_type(sums)
    hits = table.recall * table.support
    assert kinds["right"] == pytest.approx(hits.sum())
    near = table.type_f1 * (table.support + table.predicted) / 2 - hits
    assert kinds["one_word"] + kinds["boundary"] == pytest.approx(near.sum())
    matrix = confusion(found, TYPES)
    np.testing.assert_array_equal(matrix[:-1].sum(axis=1), table.support)
    np.testing.assert_array_equal(matrix[:, :-1].sum(axis=0), table.predicted)
    assert np.trace(matrix) == kinds["right"] + kinds["one_word"] + kinds["boundary"]
    assert matrix[-1].sum() == kinds["spurious"]
    assert matrix[:, -1].sum() == kinds["missed"]


def test_confusion_by_hand() -> None:
    row = compare([span(1, 2), span(3, 3, "LOC")], [span(1, 2, "ORG"), span(5, 5)], WORDS)
    assert confusion([row], TYPES).tolist() == [[0, 0, 0, 1], [0, 0, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0]]
