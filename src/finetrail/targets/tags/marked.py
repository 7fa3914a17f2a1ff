"""Pieces of a text for a page, from two markings of spans: the label's and the model's."""

from collections.abc import Sequence
from typing import NamedTuple

from finetrail.targets.tags.spans import Span


class Piece(NamedTuple):
    """A part of a text. Attributes: type: of the span that it is, or empty. right: whether both markings have it."""

    text: str
    type: str
    right: bool


def marked(text: str, spans: Sequence[Span], others: Sequence[Span]) -> list[Piece]:
    """The text in pieces, spans and what is between them; anything after the end of an excerpt is left out.

    Args:
        others: the spans of the other marking.
    """
    known, pieces, at = set(others), list[Piece](), 0
    for span in spans:
        if span.end > len(text) or span.start < at:
            break
        pieces += [Piece(text[at : span.start], "", True), Piece(text[span.start : span.end], span.type, span in known)]
        at = span.end
    pieces.append(Piece(text[at:], "", True))
    return [piece for piece in pieces if piece.text]
