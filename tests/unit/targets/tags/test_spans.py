"""Spans of equal texts are compared, not their offsets."""

import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from finetrail.data.words import words
from finetrail.targets.tags.spans import Span, canonical_spans

TEXT = "Zoé met Björn in  Málaga."


def spans(text: str) -> list[Span]:
    """Every word, as a span."""
    return [Span(start, end, "X") for start, end in words(text)]


@given(st.text(st.sampled_from("aé .\u00a0\u200bn\u0303한"), max_size=12))
def test_words_of_a_text_in_another_form_are_the_same_spans(text: str) -> None:
    twin = f"{unicodedata.normalize('NFD', text)} "
    assert canonical_spans(spans(twin), twin) == canonical_spans(spans(text), text)


def test_other_spans_and_other_types_are_different() -> None:
    one = canonical_spans([Span(0, 3, "PER")], TEXT)
    assert one == canonical_spans([Span(1, 4, "PER")], f" {TEXT}") == [Span(0, 3, "PER")]
    assert one != canonical_spans([Span(0, 3, "LOC")], TEXT)
    assert one != canonical_spans([Span(8, 13, "PER")], TEXT) == [Span(6, 11, "PER")]


def test_a_span_outside_of_the_text_ends_with_it() -> None:
    assert canonical_spans([Span(-2, 99, "PER")], "a b") == [Span(0, 2, "PER")]
