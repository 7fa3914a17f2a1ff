"""Pieces of two texts for a page: what both say, and what only one of them does."""

from difflib import SequenceMatcher
from itertools import pairwise
from typing import NamedTuple

from finetrail.data.words import words


class Piece(NamedTuple):
    """A part of a text. Attributes: shared: whether the other text has it too, in the same order."""

    text: str
    shared: bool


def marked(one: str, other: str) -> tuple[list[Piece], list[Piece]]:
    """Both texts in pieces, compared word by word."""
    ours, theirs = _divided(one), _divided(other)
    blocks = SequenceMatcher(None, [*map(str.strip, ours)], [*map(str.strip, theirs)], autojunk=False)
    found: tuple[list[Piece], list[Piece]] = ([], [])
    for kind, start, stop, start_there, stop_there in blocks.get_opcodes():
        for pieces, text in zip(
            found, ("".join(ours[start:stop]), "".join(theirs[start_there:stop_there])), strict=True
        ):
            if text:
                pieces.append(Piece(text, kind == "equal"))
    return found


def _divided(text: str) -> list[str]:
    """The words of a text, each with the white space after it; what is before the first is a word too."""
    starts = sorted({0, len(text), *(start for start, _ in words(text))})
    return [text[start:end] for start, end in pairwise(starts)]
