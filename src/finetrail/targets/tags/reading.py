"""The spans of a text as sources have them: character spans, or one tag per token, converted once."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import chain, islice
from pathlib import Path
from typing import Any, cast

from finetrail.data.canonical import is_missing
from finetrail.data.sources.columns import Record, Tell
from finetrail.errors import SourceError
from finetrail.targets.tags import conll
from finetrail.targets.tags.joining import join
from finetrail.targets.tags.schemes import Scheme, detect, faults, to_spans
from finetrail.targets.tags.settings import DOCUMENT, TagColumns
from finetrail.targets.tags.spans import Span, from_chunks

LOOKED_AHEAD = 20_000
"""How many sentences of a file decide its scheme."""
_TOKENS, _TAGS, _SPACES, _SCHEME = "\0tokens", "\0tags", "\0spaces", "\0scheme"  # no table has columns of these names


class Label(list[dict[str, Any]]):
    """Spans as they are stored: `start`, `end` and `type` of each. Attributes: illegal: what broke their scheme."""

    def __init__(self, spans: Sequence[Span], illegal: str = "") -> None:
        super().__init__({"start": span.start, "end": span.end, "type": span.type} for span in spans)
        self.illegal = illegal


def spans_of(label: Sequence[Mapping[str, Any]]) -> list[Span]:
    """The spans of a stored label, sorted."""
    return sorted(Span(one["start"], one["end"], one["type"]) for one in label)


def read_conll(path: Path, columns: TagColumns, tell: Tell) -> Iterator[Record]:
    """The sentences of a CoNLL file; see `finetrail.targets.tags.conll.read_columns`."""
    return _records(path, conll.read_columns(path, conll.Columns(columns.token, columns.tag)))


def read_conllu(path: Path, columns: TagColumns, tell: Tell) -> Iterator[Record]:
    """The sentences of a CoNLL-U file; see `finetrail.targets.tags.conll.read_conllu`."""
    return _records(path, conll.read_conllu(path, "upos" if columns.upos else "xpos"))


def _records(path: Path, sentences: Iterator[conll.Record]) -> Iterator[Record]:
    for line, sentence in sentences:
        group = sentence["group"]
        # Each file numbers its documents from 1, so equal numbers in two files are different documents.
        document = None if group is None else f"{path.name}: {group}"
        found = {_TOKENS: sentence["tokens"], _TAGS: sentence["tags"], _SPACES: sentence["space_after"]}
        yield line, found | {DOCUMENT: document}


def with_scheme(records: Iterator[Record], columns: TagColumns) -> Iterator[Record]:
    """The records with the scheme of their tags; the first records decide it where it is not declared.

    Raises:
        SourceError: the tags fit no scheme.
    """
    first = list(islice(records, LOOKED_AHEAD))
    scheme: str = columns.scheme
    if scheme == "auto":
        known = [tags for _, record in first if isinstance(tags := _tags_of(record, columns), list) and _words(tags)]
        scheme = detect(known) if known else "plain"
    for number, record in chain(first, records):
        yield number, record | {_SCHEME: scheme}


def _words(tags: list[Any]) -> bool:
    return bool(tags) and all(isinstance(tag, str) for tag in tags)


def given(where: str, record: Mapping[str, Any], columns: Any) -> tuple[Mapping[str, Any], Any]:
    """The record with its text, and what it says of the spans.

    Raises:
        SourceError: tokens and tags are no lists of strings of one length.
    """
    if columns.tokens is None and _TOKENS not in record:
        return record, record[columns.label]
    tokens, tags = record.get(_TOKENS, record.get(columns.tokens)), _tags_of(record, columns)
    text = columns.contents[0]
    if tokens is None:
        return {**record, text: None}, None
    for what, values in (("tokens", tokens), ("tags", tags)):
        if what == "tags" and values is None:
            break
        if not isinstance(values, (list, tuple)) or not all(isinstance(one, str) and one for one in values):
            raise SourceError(
                f"{where}: {what} are {str(values)[:60]!r}; they must be a list of non-empty strings; correct "
                "the source, or name another column"
            )
    joined, offsets = join(tokens, record.get(_SPACES))
    if tags is None:
        return {**record, text: joined}, None
    if len(tokens) != len(tags):
        raise SourceError(f"{where}: {len(tokens)} tokens have {len(tags)} tags; each needs one; correct the source")
    scheme = cast(Scheme, record[_SCHEME])
    illegal = next(iter(faults(tags, scheme)), "")
    return {**record, text: joined}, Label(from_chunks(to_spans(tags, scheme), offsets), illegal)


def _tags_of(record: Mapping[str, Any], columns: Any) -> Any:
    return record.get(_TAGS, record.get(columns.tags) if columns.tags else None)


def read_spans(where: str, value: Any) -> Label | None:
    """Spans as a source has them: lists of mappings with `start`, `end` and `type` or `label`, or of triples of these.

    Raises:
        SourceError: the value is something else.
    """
    if isinstance(value, Label) or is_missing(value):
        return value if isinstance(value, Label) else None
    if not isinstance(value, (list, tuple)):
        raise SourceError(
            f"{where} holds {str(value)[:60]!r} ({type(value).__name__}), but a label is a list of spans; store lists "
            "of start, end and type, or name the columns `tokens` and `tags`"
        )
    return Label(sorted(_span(where, one) for one in value))


def _span(where: str, value: Any) -> Span:
    if isinstance(value, Mapping):
        start, end, kind = value.get("start"), value.get("end"), value.get("type", value.get("label"))
    else:
        start, end, kind = value if isinstance(value, (list, tuple)) and len(value) == 3 else (None, None, None)
    whole = [isinstance(one, int) and not isinstance(one, bool) for one in (start, end)]
    if not all(whole) or not isinstance(kind, str) or not kind:
        raise SourceError(
            f"{where}: span {str(value)[:60]!r} has no whole numbers `start` and `end` and no name `type`; write it as "
            '{"start": 0, "end": 5, "type": "PER"}'
        )
    return Span(cast(int, start), cast(int, end), kind)
