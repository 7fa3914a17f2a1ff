"""Tags of tokens, in the schemes that data comes in, and the chunks that they mean.

IOB1 (Ramshaw & Marcus, Text Chunking using Transformation-Based Learning, 1995): `B-` appears only where a chunk
directly follows another of its type. IOB2 (CoNLL-2000): `B-` begins every chunk. BIOES, also spelled BILOU, BMES and
BMEWO: a chunk begins with `B-` and ends with `E-`; a chunk of one token is `S-`. Plain: each token is a chunk of its
own, as in parts of speech.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from typing import Literal, NamedTuple, get_args

from finetrail.errors import SourceError
from finetrail.targets.tags.spans import Chunk

Scheme = Literal["iob1", "iob2", "bioes", "plain"]
SCHEMES: tuple[Scheme, ...] = get_args(Scheme)

_PREFIXED = re.compile(r"([BIESLUMW])-(.+)", re.DOTALL)
_ROLES = {"L": "E", "U": "S", "M": "I", "W": "S"}
_IOB = frozenset("BI")
# Real data has a few faults: IOB1 or IOB2 is detected if the other one is broken at least this many times as often.
_TIMES_AS_OFTEN = 10


class _Tag(NamedTuple):
    """A tag, its prefix spelled as in BIOES; `kind` is empty for O and for a tag without prefix."""

    role: str
    kind: str


_OUTSIDE = _Tag("O", "")


def to_spans(tags: Sequence[str], scheme: Scheme) -> list[Chunk]:
    """The chunks that the tags of one sentence mean: (first token, end, type), half-open, counted from 0.

    Illegal sequences are read as conlleval reads them (Tjong Kim Sang & Buchholz 2000): an `I-` outside of a chunk
    begins one, and an open chunk ends before the next one. `faults` names such places.
    """
    if scheme == "plain":
        return [(number, number + 1, tag) for number, tag in enumerate(tags)]
    chunks: list[Chunk] = []
    start, before = 0, _OUTSIDE
    for number, tag in enumerate([*map(_parse, tags), _OUTSIDE]):
        joined = _continues(before, tag)
        if before.kind and not joined:
            chunks.append((start, number, before.kind))
        if tag.kind and not joined:
            start = number
        before = tag
    return chunks


def faults(tags: Sequence[str], scheme: Scheme) -> list[str]:
    """Say briefly what breaks the scheme in the tags of one sentence, place by place; tokens count from 1."""
    return list(_faults(tags, scheme))


def detect(sequences: Iterable[Sequence[str]]) -> Scheme:
    """Find out the scheme of many sentences.

    Raises:
        SourceError: there is no tag, or the tags fit no scheme, or fit two equally well.
    """
    kept = list(sequences)
    seen = list(dict.fromkeys(tag for tags in kept for tag in tags))
    if not seen:
        raise SourceError("there are no tags, so their scheme is unknown; name a source that holds tagged tokens")
    prefixed = [tag for tag in seen if _PREFIXED.fullmatch(tag)]
    bare = [tag for tag in seen if tag != "O" and not _PREFIXED.fullmatch(tag)]
    if bare and (prefixed or "O" in seen):
        raise SourceError(
            f"tags {(prefixed or ['O'])[0]!r} and {bare[0]!r} belong to no common scheme; write B- or I- before the "
            "type of every token of a chunk and O outside them, or for parts of speech one bare tag per token"
        )
    if bare:
        return "plain"
    letters = {tag[0]: tag for tag in reversed(prefixed)}
    if letters.keys() <= _IOB:
        return _iob(kept)
    _check_spelling(letters)
    return "bioes"


def _check_spelling(letters: dict[str, str]) -> None:
    """Refuse two spellings of one role, and E- without B-. Args: letters: for each prefix, a tag that has it."""
    for one, others in (("I", "M"), ("E", "L"), ("S", "UW"), ("U", "W")):
        other = next((letter for letter in others if letter in letters), None)
        if one in letters and other:
            raise SourceError(
                f"tags {letters[one]!r} and {letters[other]!r} spell one role in two ways (BIOES, BILOU, BMES); "
                "use one spelling"
            )
    closing = next((letters[letter] for letter in "EL" if letter in letters), None)
    if closing and "B" not in letters:
        raise SourceError(f"tag {closing!r} ends a chunk, but no tag B- begins one; write the tags as IOB2 or BIOES")


def _iob(sequences: list[Sequence[str]]) -> Scheme:
    """Tell IOB1 from IOB2 by the faults that the tags have under each."""
    iob2, first2 = _broken(sequences, "iob2")
    iob1, first1 = _broken(sequences, "iob1")
    if min(iob2, iob1) * _TIMES_AS_OFTEN > max(iob2, iob1):
        raise SourceError(
            f"the tags break both IOB2 ({iob2} x, first: {first2}) and IOB1 ({iob1} x, first: {first1}); "
            "correct them, or set their scheme"
        )
    return "iob2" if iob2 <= iob1 else "iob1"


def _broken(sequences: list[Sequence[str]], scheme: Scheme) -> tuple[int, str]:
    """How often sentences break a scheme, and where first."""
    times, first = 0, ""
    for number, tags in enumerate(sequences, start=1):
        for fault in _faults(tags, scheme):
            first = first or f"{fault} of sentence {number}"
            times += 1
    return times, first


def _faults(tags: Sequence[str], scheme: Scheme) -> Iterator[str]:
    before, previous = "", _OUTSIDE
    for number, written in enumerate(tags, start=1):
        tag = _parse(written)
        if not _known(written, scheme):
            yield f"{written!r} at token {number} is not a tag of {scheme}"
        elif scheme != "plain" and not _legal(previous, tag, scheme):
            yield f"{written} after {before} at token {number}" if before else f"{written} at the start"
        before, previous = written, tag
    if scheme == "bioes" and _open(previous):
        yield f"{before} at the end (token {len(tags)})"


def _known(written: str, scheme: Scheme) -> bool:
    """Whether a scheme has such a tag."""
    found = _PREFIXED.fullmatch(written)
    if scheme == "plain":
        return bool(written) and written != "O" and not found
    return written == "O" or (found is not None and (scheme == "bioes" or found[1] in _IOB))


@lru_cache(maxsize=4096)  # data has few different tags, and many of each
def _parse(written: str) -> _Tag:
    found = _PREFIXED.fullmatch(written)
    return _Tag(_ROLES.get(found[1], found[1]), found[2]) if found else _OUTSIDE


def _open(tag: _Tag) -> bool:
    """Whether a chunk may go on after a tag."""
    return tag.role in {"B", "I"}


def _continues(before: _Tag, tag: _Tag) -> bool:
    """Whether a tag continues the chunk of the tag before it, by conlleval's rule."""
    return tag.role in {"I", "E"} and _open(before) and tag.kind == before.kind


def _legal(before: _Tag, tag: _Tag, scheme: Scheme) -> bool:
    """Whether a tag may follow another; IOB1 and IOB2 have B, I and O alone."""
    if scheme == "iob2":
        return tag.role != "I" or tag.kind == before.kind
    if scheme == "iob1":
        return tag.role != "B" or tag.kind == before.kind
    return _continues(before, tag) if _open(before) else tag.role not in {"I", "E"}
