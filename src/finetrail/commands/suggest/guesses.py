"""Which columns of a table hold the content and the label, where nobody has said."""

import csv
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from statistics import fmean
from typing import Any

from finetrail.data.canonical import is_missing
from finetrail.data.shown import for_terminal
from finetrail.data.sources.columns import OFFICIAL, Record
from finetrail.data.sources.detection import DELIMITERS, text_of
from finetrail.data.sources.dialect import CsvSettings
from finetrail.data.sources.scan import encoding_of
from finetrail.data.sources.tables import read_csv, read_jsonl, read_parquet
from finetrail.data.sources.unlabelled import kind_of
from finetrail.errors import SourceError

LOOKED_AT = 2000
"""Rows."""
USUAL = ("label", "labels", "class", "category", "target", "intent", "sentiment", "topic")
"""Names of a label, the most usual first; any case."""


@dataclass(frozen=True)
class Guess:
    """Attributes: content, label: the columns. said: why these, for people."""

    content: str
    label: str
    said: str


@dataclass(frozen=True)
class _Column:
    """Attributes: values: those that are not missing."""

    name: str
    values: Sequence[Any]

    @property
    def distinct(self) -> int:
        return len(set(map(str, self.values)))

    @property
    def length(self) -> float:
        """The mean number of characters; 0 if there is anything but text."""
        texts = [value for value in self.values if isinstance(value, str)]
        return fmean(map(len, texts)) if texts and len(texts) == len(self.values) else 0.0

    @property
    def divides(self) -> bool:
        """Whether it could be a label: several values, each of several rows on average, and no names of splits."""
        plain = all(isinstance(value, str | int) for value in self.values)
        splits = all(str(value).lower() in OFFICIAL for value in self.values)
        return plain and 2 <= self.distinct <= len(self.values) / 2 and not splits

    @property
    def usual(self) -> int:
        """The place of its name among the usual ones of a label."""
        return USUAL.index(self.name.lower()) if self.name.lower() in USUAL else len(USUAL)


def guess_of(path: Path, content: str | None = None, label: str | None = None) -> Guess:
    """Guess the columns of a CSV, TSV, JSONL or Parquet file by its first rows.

    Args:
        content, label: a column that a person named.

    Raises:
        SourceError: the file cannot be read, or no column looks like what is wanted; the message lists them.
    """
    records = [record for _, record in islice(_records(path), LOOKED_AT)]
    return guess(path.name, records, content, label)


def guess(name: str, records: Sequence[Mapping[str, Any]], content: str | None, label: str | None) -> Guess:
    """Guess by rows: the longest texts are the content, few distinct values the label. Args: name: of the file."""
    names = list(dict.fromkeys(key for record in records for key in record))
    values = {one: [record[one] for record in records if not is_missing(record.get(one, ""))] for one in names}
    columns = [_Column(one, [value for value in values[one] if value != ""]) for one in names]
    known = ", ".join(for_terminal(repr(one)) for one in names) or "none"
    for given in (content, label):
        if given is not None and given not in names:
            raise SourceError(f"{name}: no column {given!r}; it has {known}")
    texts = [one for one in columns if one.length and one.name != label]
    if content is None and texts:
        # A label may be a long word: of two columns, the one with more distinct values is the content.
        content = max(texts, key=lambda one: one.length * min(1.0, one.distinct / max(1, len(one.values)) * 2)).name
    if content is None:
        raise SourceError(f"{name}: no column holds texts; it has {known}; name one with --content COLUMN")
    dividing = [one for one in columns if one.divides and one.name != content]
    if label is None and dividing:
        label = min(dividing, key=lambda one: (one.usual, one.distinct)).name
    if label is None:
        raise SourceError(
            f"{name}: no column looks like a label, with a few values that come again; it has {known}; name one with "
            "--label COLUMN"
        )
    of = {one.name: one for one in columns}
    said = (
        f"content is {content!r} ({of[content].length:.0f} characters on average), label is {label!r} "
        f"({of[label].distinct} distinct values in the first {len(records)} rows)"
    )
    return Guess(content, label, said)


def _records(path: Path) -> Iterator[Record]:
    kind = kind_of(path, "a CSV, TSV, JSONL or Parquet file")
    if kind == "parquet":
        import pyarrow as pa
        import pyarrow.parquet as pq

        try:
            names = pq.read_schema(path).names
        except pa.ArrowException:
            names = []  # the reader says what is wrong
        return read_parquet(path, names)
    if kind == "jsonl":
        return read_jsonl(path, [])
    return read_csv(path, [], kind, CsvSettings(delimiter=_delimiter(path, kind)))


def _delimiter(path: Path, kind: str) -> str:
    """The one that divides the first line most often; the format's own where none does more."""
    own = "\t" if kind == "tsv" else ","
    with text_of(path, encoding_of(path)) as lines:
        first = next((line for line in lines if line.strip()), "")
    counts = {one: len(next(csv.reader([first], delimiter=one), [])) for one in (own, *DELIMITERS)}
    return max(counts, key=lambda one: counts[one])
