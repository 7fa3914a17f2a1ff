"""Schemes of tags against seqeval, and the faults that they name."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from finetrail.errors import SourceError
from finetrail.targets.tags.schemes import SCHEMES, Scheme, detect, faults, to_spans
from finetrail.targets.tags.spans import Chunk
from tests.unit.targets.tags.labels import chunkings

PREFIXED: tuple[Scheme, ...] = ("iob1", "iob2", "bioes")


@st.composite
def sentences(draw: st.DrawFn) -> tuple[int, list[Chunk]]:
    tokens = draw(st.integers(0, 9))
    return tokens, draw(chunkings(tokens))


def write(tokens: int, chunks: list[Chunk], scheme: Scheme, spelling: str = "BIES") -> list[str]:
    """The tags that a scheme has for chunks, by its definition."""
    begin, inside, end, single = list(spelling)
    tags = ["O"] * tokens
    before: Chunk = (0, 0, "")
    for chunk in chunks:
        first, stop, kind = chunk
        tags[first:stop] = [f"{inside}-{kind}"] * (stop - first)
        if scheme == "bioes":
            tags[stop - 1] = f"{end}-{kind}"
        if scheme != "iob1" or before[1:] == (first, kind):
            tags[first] = f"{begin}-{kind}"
        if scheme == "bioes" and stop - first == 1:
            tags[first] = f"{single}-{kind}"
        before = chunk
    return tags


def seqeval_entities(tags: list[str], scheme: str) -> list[Chunk]:
    from seqeval import scheme as schemes

    found: list[Any] = schemes.Entities([tags], getattr(schemes, scheme)).entities[0]
    return [(one.start, one.end, one.tag) for one in found]


@pytest.mark.parametrize(
    ("scheme", "theirs", "spelling"),
    [("iob1", "IOB1", "BIES"), ("iob2", "IOB2", "BIES"), ("bioes", "IOBES", "BIES"), ("bioes", "BILOU", "BILU")],
)
@given(sentence=sentences())
def test_legal_tags_give_their_chunks_as_in_seqeval(
    scheme: Scheme, theirs: str, spelling: str, sentence: tuple[int, list[Chunk]]
) -> None:
    tokens, chunks = sentence
    tags = write(tokens, chunks, scheme, spelling)
    assert to_spans(tags, scheme) == chunks == seqeval_entities(tags, theirs)
    assert faults(tags, scheme) == []


def tags_of(letters: str) -> st.SearchStrategy[list[str]]:
    return st.lists(st.sampled_from(["O", *(f"{letter}-{kind}" for letter in letters for kind in "XY")]), max_size=8)


@pytest.mark.parametrize(("scheme", "letters"), [("iob1", "BI"), ("iob2", "BI"), ("bioes", "BIES")])
@given(data=st.data())
def test_any_tags_give_chunks_as_conlleval_does_and_faults_where_they_are_illegal(
    scheme: Scheme, letters: str, data: st.DataObject
) -> None:
    from seqeval.metrics.sequence_labeling import get_entities

    tags = data.draw(tags_of(letters))
    chunks = to_spans(tags, scheme)
    assert chunks == [(start, end + 1, kind) for kind, start, end in get_entities(tags)]
    assert (faults(tags, scheme) == []) == (write(len(tags), chunks, scheme) == tags)


@given(sentences())
def test_other_spellings_of_bioes_mean_the_same(sentence: tuple[int, list[Chunk]]) -> None:
    for spelling in ("BILU", "BMES", "BMEW"):
        assert to_spans(write(*sentence, "bioes", spelling), "bioes") == sentence[1]
        assert faults(write(*sentence, "bioes", spelling), "bioes") == []


def test_plain_tags_are_a_chunk_each() -> None:
    assert to_spans(["DET", "NOUN", "NOUN"], "plain") == [(0, 1, "DET"), (1, 2, "NOUN"), (2, 3, "NOUN")]
    assert faults(["-LRB-", "PRP$", "S-", "X"], "plain") == []


def test_a_type_may_hold_hyphens() -> None:
    assert to_spans(["B-art-film", "I-art-film", "I-art"], "iob2") == [(0, 2, "art-film"), (2, 3, "art")]


@pytest.mark.parametrize(
    ("scheme", "tags", "expected"),
    [
        ("iob2", "O O I-PER", ["I-PER after O at token 3"]),
        ("iob2", "I-PER I-PER", ["I-PER at the start"]),
        ("iob2", "B-PER I-LOC I-LOC", ["I-LOC after B-PER at token 2"]),
        ("iob2", "O S-PER", ["'S-PER' at token 2 is not a tag of iob2"]),
        ("iob2", "PER B-", ["'PER' at token 1 is not a tag of iob2", "'B-' at token 2 is not a tag of iob2"]),
        ("iob1", "B-PER", ["B-PER at the start"]),
        ("iob1", "I-LOC B-PER", ["B-PER after I-LOC at token 2"]),
        ("bioes", "B-PER O", ["O after B-PER at token 2"]),
        ("bioes", "B-PER", ["B-PER at the end (token 1)"]),
        ("bioes", "S-PER I-PER", ["I-PER after S-PER at token 2", "I-PER at the end (token 2)"]),
        ("bioes", "B-PER E-LOC", ["E-LOC after B-PER at token 2"]),
        ("plain", "NOUN O B-PER", ["'O' at token 2 is not a tag of plain", "'B-PER' at token 3 is not a tag of plain"]),
    ],
)
def test_faults_name_tag_and_token(scheme: Scheme, tags: str, expected: list[str]) -> None:
    assert faults(tags.split(), scheme) == expected


def test_chunks_survive_tags_that_are_none() -> None:
    assert to_spans(["B-PER", "PER", "I-PER", ""], "iob2") == [(0, 1, "PER"), (2, 3, "PER")]


@pytest.mark.parametrize("scheme", PREFIXED)
@given(given=st.lists(sentences(), min_size=1, max_size=5))
def test_the_scheme_is_found_out(scheme: Scheme, given: list[tuple[int, list[Chunk]]]) -> None:
    written = [write(*sentence, scheme) for sentence in [*given, (2, [])]]
    # Where nothing is tagged, every scheme says the same.
    assert detect(iter(written)) == (scheme if any(chunks for _, chunks in given) else "iob2")


def test_plain_is_found_out_and_every_scheme_has_a_name() -> None:
    assert detect([["DET", "NOUN"], ["-LRB-"]]) == "plain"
    assert SCHEMES == ("iob1", "iob2", "bioes", "plain")


def test_a_few_mistakes_do_not_hide_the_scheme() -> None:
    assert detect([["B-PER", "O"]] * 20 + [["O", "I-PER"]] * 2) == "iob2"
    assert detect([["I-PER", "O"]] * 20 + [["O", "B-PER"]] * 2) == "iob1"


@pytest.mark.parametrize(
    ("sequences", "message"),
    [
        ([], "there are no tags, so their scheme is unknown"),
        ([[]], "there are no tags"),
        (["B-PER NOUN"], "tags 'B-PER' and 'NOUN' belong to no common scheme; write B- or I-"),
        (["O PER"], "tags 'O' and 'PER' belong to no common scheme"),
        (["B I O"], "tags 'O' and 'B' belong to no common scheme"),
        (
            ["B-PER O", "O I-PER"],
            r"break both IOB2 \(1 x, first: I-PER after O at token 2 of sentence 2\) and IOB1 \(1 x, first: B-PER at",
        ),
        (["B-X E-X S-X U-X"], "tags 'S-X' and 'U-X' spell one role in two ways"),
        (["B-X L-X E-X"], "tags 'E-X' and 'L-X' spell one role"),
        (["B-X M-X E-X B-X I-X E-X"], "tags 'I-X' and 'M-X' spell one role"),
        (["U-X W-X"], "tags 'U-X' and 'W-X' spell one role"),
        (["I-X E-X"], "tag 'E-X' ends a chunk, but no tag B- begins one"),
    ],
)
def test_tags_of_no_scheme_are_refused(sequences: list[Any], message: str) -> None:
    with pytest.raises(SourceError, match=message):
        detect([tags.split() if isinstance(tags, str) else tags for tags in sequences])
