"""What is wrong with a label is said, and nothing else is refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from finetrail.data.words import words
from finetrail.errors import DataError
from finetrail.targets.tags.alignment import decode, encode
from finetrail.targets.tags.faults import faults
from finetrail.targets.tags.spans import Span

TEXT = "Anna met Bob in Rome."


@pytest.mark.parametrize(
    ("spans", "expected"),
    [
        ([], []),
        ([Span(0, 4, "PER"), Span(9, 12, "PER"), Span(16, 20, "LOC")], []),
        ([Span(0, 12, "LOC")], []),
        ([Span(0, 4, "PER"), Span(4, 8, "PER")], [("cut_word", "span 4-8 PER begins or ends with white space")]),
        ([Span(16, 22, "LOC")], [("outside_text", "span 16-22 LOC ends after the text (21 characters)")]),
        ([Span(-1, 4, "PER")], [("outside_text", "span -1-4 PER starts before the text")]),
        ([Span(4, 4, "PER")], [("outside_text", "span 4-4 PER is empty")]),
        ([Span(12, 9, "PER")], [("outside_text", "span 12-9 PER is empty")]),
        ([Span(9, 12, "LOC"), Span(0, 12, "PER")], [("overlapping_spans", "spans 0-12 PER and 9-12 LOC overlap")]),
        ([Span(0, 4, "PER"), Span(0, 4, "PER")], [("overlapping_spans", "spans 0-4 PER and 0-4 PER overlap")]),
        ([Span(10, 20, "LOC")], [("cut_word", "span 10-20 LOC cuts the word 'Bob' (9-12)")]),
        ([Span(1, 3, "PER")], [("cut_word", "span 1-3 PER cuts the word 'Anna' (0-4)")]),
        (
            [Span(2, 11, "PER")],
            [
                ("cut_word", "span 2-11 PER cuts the word 'Anna' (0-4)"),
                ("cut_word", "span 2-11 PER cuts the word 'Bob' (9-12)"),
            ],
        ),
        ([Span(0, 4, "DOG")], [("unknown_type", "type 'DOG' is none of LOC, PER")]),
        ([Span(0, 4, "DOG"), Span(9, 12, "DOG")], [("unknown_type", "type 'DOG' is none of LOC, PER")]),
    ],
)
def test_each_fault_is_named(spans: list[Span], expected: list[tuple[str, str]]) -> None:
    assert faults(spans, TEXT, {"PER", "LOC"}) == expected


@pytest.mark.parametrize("text", ["", "  ", "\n\t"])
def test_a_text_without_words_has_no_label(text: str) -> None:
    assert faults([], text) == [("outside_text", "the text holds no word")]


def test_without_given_types_any_type_will_do_but_none() -> None:
    assert faults([Span(0, 4, "DOG")], TEXT) == []
    assert faults([Span(0, 4, "")], TEXT) == [("unknown_type", "a span has no type")]
    assert faults([Span(0, 4, "DOG")], TEXT, []) == [("unknown_type", "type 'DOG' is none of no type")]


def test_a_long_word_is_shortened() -> None:
    (fault,) = faults([Span(0, 50, "X")], "a" * 99)
    assert fault.said == f"span 0-50 X cuts the word '{'a' * 40}' (0-99)"


spans = st.builds(Span, st.integers(-1, 9), st.integers(-1, 9), st.sampled_from("XY"))


@given(st.text(st.sampled_from("ab 中.\u0301"), max_size=8), st.lists(spans, max_size=3).map(sorted))
def test_a_label_without_faults_is_one_that_tags_of_words_can_say(text: str, label: list[Span]) -> None:
    try:
        written = decode(encode(label, words(text)), words(text)) == label and bool(words(text))
    except DataError:
        written = False
    assert (faults(label, text) == []) == written
