"""The label of a row: spans of its text, in characters."""

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

from finetrail.data.canonical import canonical


class Span(NamedTuple):
    """Characters `start` to `end` (half-open, indices of the str) and what they are. A label is sorted by start."""

    start: int
    end: int
    type: str

    def __str__(self) -> str:
        """As a message names it."""
        return f"{self.start}-{self.end} {self.type}"


Chunk = tuple[int, int, str]
"""Tokens `first` to `last` (half-open) and what they are."""


def from_chunks(chunks: Sequence[Chunk], offsets: Sequence[tuple[int, int]]) -> list[Span]:
    """Place chunks of tokens in the text. Args: offsets: (start, end) of each token."""
    return [Span(offsets[first][0], offsets[last - 1][1], kind) for first, last, kind in chunks]


def canonical_spans(spans: Sequence[Span], text: str) -> list[Span]:
    """The spans of a text as they are compared: equal for equal spans of texts that are equal.

    They count the characters of the text's canonical form without its spaces: the same text in another normal form, or
    with a space more, has other offsets.
    """
    edges = sorted({0, *(_within(edge, text) for span in spans for edge in span[:2])})
    counted = {0: 0}
    for start, end in pairwise(edges):
        counted[end] = counted[start] + len(canonical(text[start:end]).replace(" ", ""))
    return sorted(
        Span(counted[_within(span.start, text)], counted[_within(span.end, text)], span.type) for span in spans
    )


def _within(edge: int, text: str) -> int:
    return min(max(edge, 0), len(text))
