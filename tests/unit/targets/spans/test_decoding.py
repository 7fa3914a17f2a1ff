"""The likeliest spans, against a search of all of them."""

from itertools import product

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from finetrail.targets.spans.decoding import candidates


def offsets(pieces: int, first: int = 0) -> NDArray[np.int32]:
    """Pieces of two characters each, the first at piece `first` of the context; before them what stands for none."""
    places = [(2 * one, 2 * one + 2) for one in range(first, first + pieces)]
    return np.array([(0, 0), *places], dtype=np.int32)


@given(st.integers(0, 2**32 - 1), st.integers(1, 9), st.integers(1, 12), st.integers(1, 6))
def test_they_are_those_that_a_search_of_all_spans_finds(seed: int, pieces: int, longest: int, most: int) -> None:
    # Halves are exact in float32, and make ties.
    logits = (np.random.default_rng(seed).integers(-6, 6, (pieces + 1, 2)) / 2).astype(np.float32)
    every = [
        (-float(logits[first, 0] + logits[last, 1]), (2 * first - 2, 2 * last))
        for first, last in product(range(1, pieces + 1), repeat=2)
        if first <= last < first + longest
    ]
    found = candidates([(logits, offsets(pieces))], longest, most)
    assert found.scores.tolist() == [-score for score, _ in sorted(every)[:most]]
    assert {(-score, tuple(span)) for score, span in zip(found.scores.tolist(), found.spans.tolist(), strict=True)} <= {
        (score, span) for score, span in every
    }
    assert len({tuple(span) for span in found.spans.tolist()}) == len(found.spans)
    assert found.no_answer == logits[0].sum()


def test_a_span_in_two_windows_counts_once_and_none_where_no_window_has_an_answer() -> None:
    one = np.array([[5, 0], [1, 0], [0, 2]], dtype=np.float32)
    other = np.array([[0, 1], [3, 0], [0, 1]], dtype=np.float32)
    found = candidates([(one, offsets(2)), (other, offsets(2, first=1))], longest=2)
    assert found.spans.tolist() == [[2, 6], [0, 4], [2, 4], [0, 2], [4, 6]]
    assert found.scores.tolist() == [4, 3, 3, 1, 1]
    assert (found.no_answer, found.windows) == (1, 2)


def test_pieces_that_are_bytes_of_one_character_are_one() -> None:
    logits = np.array([[0, 0], [1, 2], [3, 1], [0, 4]], dtype=np.float32)
    twice = np.array([(0, 0), (0, 1), (0, 1), (1, 2)], dtype=np.int32)
    found = candidates([(logits, twice)], longest=2)
    assert found.spans.tolist() == [[0, 2], [0, 1], [1, 2]]
    assert found.scores.tolist() == [7, 5, 4]


def test_a_window_without_pieces_has_no_span_and_nan_is_told() -> None:
    nothing = candidates([(np.zeros((1, 2), dtype=np.float32), offsets(0))], longest=3)
    assert (len(nothing.scores), nothing.spans.shape, nothing.no_answer) == (0, (0, 2), 0)
    for bad in (np.nan, np.inf):
        logits = np.zeros((3, 2), dtype=np.float32)
        logits[2, 1] = bad
        good = (np.zeros((3, 2), dtype=np.float32), offsets(2))
        for windows in ([(logits, offsets(2)), good], [good, (logits, offsets(2))]):
            assert np.isnan(candidates(windows, longest=3).no_answer)
