"""What is wrong with a label, given its text."""

from bisect import bisect_left
from collections.abc import Collection, Sequence
from itertools import pairwise

from finetrail.contents.text.words import words
from finetrail.targets.tags.spans import Span

SHOWN = 40
"""Characters of a word or a type that a message shows."""


def faults(spans: Sequence[Span], text: str, types: Collection[str] | None = None) -> list[str]:
    """Each fault of a label in a few words; none where its spans can be written as tags of words and read back.

    Args:
        types: those that are allowed; None for any.
    """
    found = words(text)
    if not found:
        return ["the text holds no word"]
    within = sorted(span for span in spans if _is_within(span, text))
    return [
        *(_outside(span, len(text)) for span in spans if not _is_within(span, text)),
        *(f"spans {one} and {other} overlap" for one, other in pairwise(within) if other.start < one.end),
        *(fault for span in within for fault in _edges(span, text, found)),
        *_unknown(spans, types),
    ]


def _is_within(span: Span, text: str) -> bool:
    return 0 <= span.start < span.end <= len(text)


def _outside(span: Span, length: int) -> str:
    if span.start >= span.end:
        return f"span {span} holds no character"
    if span.start < 0:
        return f"span {span} begins before the text"
    return f"span {span} ends behind the text ({length} characters)"


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
