"""What is wrong with a label, given its text."""

from bisect import bisect_left
from collections.abc import Collection, Sequence
from itertools import pairwise
from typing import Literal, NamedTuple, get_args

from finetrail.data.words import words
from finetrail.targets.tags.spans import Span

SHOWN = 40
"""Characters of a word or a type that a message shows."""


Kind = Literal["outside_text", "overlapping_spans", "cut_word", "unknown_type"]
KINDS: tuple[Kind, ...] = get_args(Kind)


class Fault(NamedTuple):
    """What is wrong, in a few words."""

    kind: Kind
    said: str


def faults(spans: Sequence[Span], text: str, types: Collection[str] | None = None) -> list[Fault]:
    """Each fault of a label; none where its spans can be written as tags of words and read back.

    Args:
        types: those that are allowed; None for any.
    """
    found = words(text)
    within = sorted(span for span in spans if _is_within(span, text))
    if not found:
        return [Fault("outside_text", "the text holds no word")]
    return [
        *(Fault("outside_text", _outside(span, len(text))) for span in spans if not _is_within(span, text)),
        *(
            Fault("overlapping_spans", f"spans {one} and {other} overlap")
            for one, other in pairwise(within)
            if other.start < one.end
        ),
        *(Fault("cut_word", said) for span in within for said in _edges(span, text, found)),
        *(Fault("unknown_type", said) for said in _unknown(spans, types)),
    ]


def _is_within(span: Span, text: str) -> bool:
    return 0 <= span.start < span.end <= len(text)


def _outside(span: Span, length: int) -> str:
    if span.start >= span.end:
        return f"span {span} is empty"
    if span.start < 0:
        return f"span {span} starts before the text"
    return f"span {span} ends after the text ({length} characters)"


def _edges(span: Span, text: str, found: Sequence[tuple[int, int]]) -> list[str]:
    """The words that a span cuts through, and white space at its ends, which no word holds."""
    around = [found[max(0, bisect_left(found, (edge, 0)) - 1)] for edge in span[:2]]
    cut = dict.fromkeys(word for word, edge in zip(around, span[:2], strict=True) if word[0] < edge < word[1])
    result = [f"span {span} cuts the word {text[start:end][:SHOWN]!r} ({start}-{end})" for start, end in cut]
    if text[span.start].isspace() or text[span.end - 1].isspace():
        result.append(f"span {span} begins or ends with white space")
    return result


def _unknown(spans: Sequence[Span], types: Collection[str] | None) -> list[str]:
    named = dict.fromkeys(span.type for span in spans)
    if types is None:
        return ["a span has no type"] if "" in named else []
    allowed = ", ".join(sorted(types)) or "no type"
    return [f"type {kind[:SHOWN]!r} is none of {allowed}" for kind in named if kind not in types]
