"""The part of a context that shows a wrong answer and the right ones, in pieces for a page."""

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

from finetrail.targets.spans.reading import Answer

AROUND = 160
"""Characters shown on each side."""


class Piece(NamedTuple):
    """A part of a context. Attributes: right, said: whether it belongs to an answer of the label, of the model."""

    text: str
    right: bool
    said: bool


def marked(context: str, actual: Sequence[Answer], said: Answer) -> list[Piece]:
    """The context around its answers, in pieces; what lies behind the end of an excerpt is left out.

    Args:
        said: the model's answer; an empty text for none.
    """
    right = [(one.start, one.end) for one in actual if 0 <= one.start < one.end <= len(context)]
    own = [(said.start, said.end)] if said.text and said.end <= len(context) else []
    spans = [*right, *own]
    if not spans:
        return [Piece(context[: 2 * AROUND] + ("…" if len(context) > 2 * AROUND else ""), False, False)]
    around = [(max(0, start - AROUND), min(len(context), end + AROUND)) for start, end in spans]
    cuts = sorted({edge for span in (*spans, *around) for edge in span})
    pieces = []
    for start, end in pairwise(cuts):
        shown, of_right, of_own = (any(a <= start and end <= b for a, b in some) for some in (around, right, own))
        pieces.append(Piece(context[start:end] if shown else " … ", of_right, of_own))
    before, after = "…" if cuts[0] > 0 else "", "…" if cuts[-1] < len(context) else ""
    return [
        *([Piece(before, False, False)] if before else []),
        *pieces,
        *([Piece(after, False, False)] if after else []),
    ]
