"""Spans of a text as IOB2 tags of its words, and back: what a model learns, and what it answers."""

from collections.abc import Sequence

from finetrail.errors import DataError
from finetrail.targets.tags.schemes import faults, to_spans
from finetrail.targets.tags.spans import Span, from_chunks

OUTSIDE = "O"

Words = Sequence[tuple[int, int]]
"""(start, end) of each word of a text, as `finetrail.data.words` gives them."""


def inventory(types: Sequence[str]) -> list[str]:
    """Every tag that a word can have: O, then B- and I- of each type, in the order of the types."""
    return [OUTSIDE, *(f"{prefix}-{kind}" for kind in types for prefix in "BI")]


def encode(spans: Sequence[Span], words: Words) -> list[str]:
    """The IOB2 tag of each word.

    Raises:
        DataError: a span does not begin and end with a word, or two overlap: see `finetrail.targets.tags.faults`.
    """
    starts = {start: number for number, (start, _) in enumerate(words)}
    ends = {end: number for number, (_, end) in enumerate(words)}
    tags = [OUTSIDE] * len(words)
    for span in spans:
        first, stop = starts.get(span.start, len(words)), ends.get(span.end, -1) + 1
        if first >= stop or any(tag != OUTSIDE for tag in tags[first:stop]):
            raise DataError(
                f"span {span} is not made of whole words that no other span holds; let `validate` quarantine such rows"
            )
        tags[first:stop] = [f"B-{span.type}", *[f"I-{span.type}"] * (stop - first - 1)]
    return tags


def decode(tags: Sequence[str], words: Words) -> list[Span]:
    """The spans that the IOB2 tags (one a word) mean: `encode` the other way round.

    Raises:
        ValueError: the tags are no legal IOB2.
    """
    illegal = faults(tags, "iob2")
    if illegal or len(tags) != len(words):
        raise ValueError(illegal[0] if illegal else f"{len(tags)} tags for {len(words)} words")
    return from_chunks(to_spans(tags, "iob2"), words)
