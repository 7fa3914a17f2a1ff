"""Windows that overlap become one answer a word."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from finetrail.targets.tags.windows import Window, merge


def window(first: int, width: int, words: int, number: int = 0) -> Window:
    """A window whose logits say which window and word they are of."""
    logits = np.array([[number, first + place] for place in range(width)], dtype=np.float32).reshape(width, 2)
    return Window(first, logits, left_context=first > 0, right_context=first + width < words)


def taken(windows: list[Window], words: int) -> list[int | None]:
    """Of each word the number of the window that it is taken from."""
    merged = merge(windows, words, 2)
    assert merged.logits.shape == (words, 2)
    assert merged.logits.dtype == np.float64
    assert merged.logits[merged.read, 1].tolist() == np.flatnonzero(merged.read).tolist()
    assert np.isnan(merged.logits[~merged.read]).all()
    return [int(number) if read else None for number, read in zip(merged.logits[:, 0], merged.read, strict=True)]


def test_one_window_is_all() -> None:
    assert taken([window(0, 5, 5)], 5) == [0] * 5


def test_the_ends_of_the_text_are_no_edges() -> None:
    # Word 3 is three words from either end of the overlap of 2 to 5; the first window wins the tie at 3.
    assert taken([window(0, 6, 10, 0), window(2, 8, 10, 1)], 10) == [0, 0, 0, 0, 1, 1, 1, 1, 1, 1]
    assert taken([window(2, 8, 10, 1), window(0, 6, 10, 0)], 10) == [0, 0, 0, 0, 1, 1, 1, 1, 1, 1]


def test_words_that_no_window_holds_are_not_read() -> None:
    assert taken([window(0, 3, 6)], 6) == [0, 0, 0, None, None, None]
    assert taken([window(1, 2, 4)], 4) == [None, 0, 0, None]
    assert taken([], 2) == [None, None]
    assert taken([], 0) == []


def test_the_models_own_nan_counts_as_read() -> None:
    merged = merge([Window(0, np.array([[np.nan, 1.0]]), left_context=False, right_context=True)], 2, 2)
    assert merged.read.tolist() == [True, False]


@st.composite
def readings(draw: st.DrawFn) -> tuple[list[Window], int]:
    words = draw(st.integers(0, 12))
    windows = []
    for number in range(draw(st.integers(0, 4))):
        first = draw(st.integers(0, words))
        windows.append(window(first, draw(st.integers(0, words - first)), words, number))
    return windows, words


@given(readings())
def test_each_word_is_taken_from_where_its_nearer_edge_is_furthest(reading: tuple[list[Window], int]) -> None:
    windows, words = reading

    def room(one: Window, word: int) -> float:
        left = word - one.first_word if one.left_context else float("inf")
        right = one.first_word + len(one.logits) - 1 - word if one.right_context else float("inf")
        return min(left, right)

    expected = []
    for word in range(words):
        holding = [at for at, one in enumerate(windows) if one.first_word <= word < one.first_word + len(one.logits)]
        expected.append(max(holding, key=lambda at: (room(windows[at], word), -at)) if holding else None)
    assert taken(windows, words) == expected
