"""Spans become tags of words and come back."""

import pytest
from hypothesis import given

from finetrail.data.words import words
from finetrail.errors import DataError
from finetrail.targets.tags.alignment import decode, encode, inventory
from finetrail.targets.tags.spans import Span
from tests.unit.targets.tags.labels import TYPES, Row, rows

TEXT = "New York's mayor"


def test_tags_of_words() -> None:
    spans = [Span(0, 8, "LOC"), Span(8, 10, "X"), Span(11, 16, "X")]
    assert encode(spans, words(TEXT)) == ["B-LOC", "I-LOC", "B-X", "I-X", "B-X"]
    assert encode([], words(TEXT)) == ["O"] * 5
    assert encode([], []) == []
    assert decode([], []) == []


@given(rows())
def test_spans_come_back(row: Row) -> None:
    found, spans, _ = row
    tags = encode(spans, found)
    assert decode(tags, found) == spans
    assert set(tags) <= set(inventory(TYPES))


@given(rows(full=True))
def test_tags_of_every_token_come_back(row: Row) -> None:
    found, spans, _ = row
    assert "O" not in encode(spans, found)
    assert decode(encode(spans, found), found) == spans


@pytest.mark.parametrize(
    "spans",
    [
        [Span(0, 2, "X")],
        [Span(1, 8, "X")],
        [Span(0, 4, "X")],  # ends with the space
        [Span(4, 3, "X")],
        [Span(0, 8, "X"), Span(4, 8, "Y")],
        [Span(0, 99, "X")],
    ],
)
def test_spans_that_are_not_whole_words_are_refused(spans: list[Span]) -> None:
    with pytest.raises(DataError, match=r"^span \d+-\d+ [XY] is not made of whole words that no other span holds; let"):
        encode(spans, words(TEXT))


@pytest.mark.parametrize(
    ("tags", "message"),
    [
        (["O", "I-X", "O", "O", "O"], "I-X after O at token 2"),
        (["X", "O", "O", "O", "O"], "'X' at token 1 is not a tag of iob2"),
        (["O"], "1 tags for 5 words"),
    ],
)
def test_illegal_tags_are_refused(tags: list[str], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        decode(tags, words(TEXT))


def test_the_inventory_has_o_first_even_where_every_token_has_a_type() -> None:
    assert inventory(["NOUN", "VERB"]) == ["O", "B-NOUN", "I-NOUN", "B-VERB", "I-VERB"]
    assert inventory([]) == ["O"]
