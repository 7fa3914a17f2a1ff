"""The label of a row: spans of its text, in characters."""

from collections.abc import Sequence
from typing import NamedTuple


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
