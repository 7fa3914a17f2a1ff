"""Rows to test with: texts, their words, and labels on whole words."""

from hypothesis import strategies as st

from finetrail.data.words import words
from finetrail.targets.tags.spans import Chunk, Span, from_chunks

TYPES = ("LOC", "ORG", "PER")
Words = list[tuple[int, int]]
Row = tuple[Words, list[Span], list[Span]]


@st.composite
def chunkings(draw: st.DrawFn, tokens: int, types: tuple[str, ...] = TYPES, *, full: bool = False) -> list[Chunk]:
    """Chunks of so many tokens. Args: full: every token is in one."""
    chunks: list[Chunk] = []
    at = 0
    while at < tokens:
        end = at + draw(st.integers(1, min(3, tokens - at)))
        kind = draw(st.sampled_from(types if full else (*types, None)))
        if kind is not None:
            chunks.append((at, end, kind))
        at = end
    return chunks


@st.composite
def rows(draw: st.DrawFn, types: tuple[str, ...] = TYPES, *, full: bool = False) -> Row:
    """The words of a text, a label, and an answer that is often close to it."""
    found = words(draw(st.text(st.sampled_from("ab 中."), max_size=14)))
    gold = draw(chunkings(len(found), types, full=full))
    other = draw(chunkings(len(found), types, full=full))
    half = draw(st.integers(0, len(found)))
    mixed = [chunk for chunk in gold if chunk[1] <= half] + [chunk for chunk in other if chunk[0] >= half]
    return found, from_chunks(gold, found), from_chunks(mixed, found)


answers = st.lists(rows(), min_size=1, max_size=5)
