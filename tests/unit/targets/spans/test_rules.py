"""An answer stands where it is said to begin, to the character."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from finetrail.targets.spans.reading import Answer
from finetrail.targets.spans.rules import faults

CONTEXT = "The Denver Broncos are from Denver."


@pytest.mark.parametrize("start", [4, 28])
def test_an_answer_in_its_place_is_right(start: int) -> None:
    assert faults([Answer("Denver", start)], CONTEXT) == {}


@pytest.mark.parametrize(
    ("text", "start", "said"),
    [
        ("Denver", 5, "it stands at 4"),
        ("Denver", 20, "it stands at 28"),
        ("Denver", -7, "it stands at 4"),
        ("Denver", 99, "it stands at 28"),
        ("denver", 4, "it stands nowhere in the context"),
    ],
)
def test_one_that_is_off_is_told_where_it_stands(text: str, start: int, said: str) -> None:
    assert faults([Answer(text, start)], CONTEXT) == {
        "misplaced_answer": f"{text!r} is said to begin at {start}, but {said}"
    }


def test_an_empty_answer_is_a_fault_of_its_own() -> None:
    assert list(faults([Answer(" ", 3), Answer("Denver", 5)], CONTEXT)) == ["empty_answer", "misplaced_answer"]


@given(st.text("ab é", min_size=1, max_size=12), st.data())
def test_no_part_of_a_context_is_misplaced(context: str, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(context) - 1))
    end = data.draw(st.integers(start + 1, len(context)))
    assert "misplaced_answer" not in faults([Answer(context[start:end], start)], context)
