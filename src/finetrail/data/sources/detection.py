"""Find out how a CSV file is written, where section `source.csv` does not say; two readings are refused."""

import csv
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TextIO

from finetrail.data.sources.dialect import CsvSettings, Dialect, named
from finetrail.data.sources.disguised import refuse_disguised
from finetrail.data.sources.scan import encoding_of
from finetrail.errors import SourceError

DELIMITERS = (",", ";", "\t", "|")
_SEP = re.compile(r'"?sep=(.)"?\s*', re.IGNORECASE)
_LONGEST_SEP = 16
_LOOKED_AT = 20  # records that show whether a delimiter divides a file without a header


def detect(path: Path, kind: str, settings: CsvSettings, wanted: Sequence[str], *, quotes: bool = True) -> Dialect:
    """Return how a file is written.

    Args:
        kind: `csv` or `tsv`: the delimiter that is tried first.
        wanted: the columns that will be read; they show which line is the header, and what divides it.
        quotes: whether the file has any; if not, there is nothing to find out about them.

    Raises:
        SourceError: it is not text, or has two readings; the message names the setting that decides.
    """
    refuse_disguised(path)
    base = Dialect(header=settings.header is not False, encoding=encoding_of(path, settings.encoding))
    excel = _excel_delimiter(path, base.encoding)
    base = Dialect(header=base.header, encoding=base.encoding, preamble=1 if excel else 0)
    dialect = _divided(path, kind, settings.delimiter if settings.delimiter != "auto" else excel, base, wanted)
    if settings.quoting != "auto":
        return dialect.without_quotes() if settings.quoting == "none" else dialect
    return _quoted(path, dialect, wanted) if quotes else dialect


@contextmanager
def text_of(path: Path, encoding: str) -> Iterator[TextIO]:
    """Open a file as lines with their ends; a byte that is not text becomes a character that UTF-8 cannot hold."""
    with path.open(encoding=encoding, errors="surrogateescape", newline="") as file:
        try:
            yield file
        except UnicodeError as error:
            raise SourceError(f"{path.name} is not {encoding} ({error}); correct source.csv.encoding") from error


def _excel_delimiter(path: Path, encoding: str) -> str:
    """The delimiter that a first line `sep=;` names, as Excel writes and reads it; else empty."""
    with text_of(path, encoding) as lines:
        found = _SEP.fullmatch(lines.readline(_LONGEST_SEP))
    return found[1] if found else ""


def _divided(path: Path, kind: str, given: str, base: Dialect, wanted: Sequence[str]) -> Dialect:
    """The dialect with its delimiter: the one under which the header has all columns that are wanted."""
    own = "\t" if kind == "tsv" else ","
    tried = [own, *(one for one in DELIMITERS if one != own)]
    dialects = [
        Dialect(one, header=base.header, encoding=base.encoding, preamble=base.preamble)
        for one in ([given] if given else tried)
    ]
    if given:
        return dialects[0]
    fit = {one.delimiter: (one, names) for one in dialects if (names := _names(path, one, wanted)) is not None}
    if len({names for _, names in fit.values()}) > 1:
        raise SourceError(
            f"{path.name} can be divided by {' and by '.join(map(named, fit))}; set source.csv.delimiter to one of them"
        )
    return next((dialect for dialect, _ in fit.values()), dialects[0])


def _names(path: Path, dialect: Dialect, wanted: Sequence[str]) -> tuple[str, ...] | None:
    """The header, or without one the first record, if it holds what is wanted; None if it does not."""
    try:
        records = _first(path, dialect)
    except csv.Error:
        records = _first(path, dialect.without_quotes())
    names, _ = dialect.names(iter(records))
    if not records or not set(wanted) <= set(names) or len({len(record) for record in records}) > 1:
        return None
    return tuple(records[0])


def _first(path: Path, dialect: Dialect) -> list[list[str]]:
    """The header, or without one the first records."""
    with text_of(path, dialect.encoding) as lines:
        return list(islice(filter(None, dialect.records(lines)), 1 if dialect.header else _LOOKED_AT))


@dataclass(frozen=True)
class _Lines:
    """What a file looks like if every line is a row. Line numbers are from 1, 0 for none.

    Attributes:
        whole: the first line with a field that is enclosed in quotes.
        open: the first line with a field that begins with a quote and is not enclosed.
        rows: without the header.
    """

    whole: int
    open: int
    rows: int


def _quoted(path: Path, dialect: Dialect, wanted: Sequence[str]) -> Dialect:
    """The dialect, with `quoted` as the file shows it.

    A quote at the start of a field may begin a quoted field, or belong to the text. Where every line is a whole row
    as it stands, and a quote is left open in its line, the two readings differ: one joins lines that the other parts.
    """
    lines = _as_lines(path, dialect, wanted)
    if lines is None or not lines.open:
        return dialect
    rows = _rows_if_quoted(path, dialect)
    if rows is None and not lines.whole:
        return dialect.without_quotes()
    other = f"then {rows} rows" if rows is not None else f"as line {lines.whole} has"
    raise SourceError(
        f"{path.name}, line {lines.open}: a quote begins a field and does not end it in that line; it is part of the "
        f"text (then {lines.rows} rows: set source.csv.quoting to none), or encloses a field ({other}: set it to "
        "standard)"
    )


def _as_lines(path: Path, dialect: Dialect, wanted: Sequence[str]) -> _Lines | None:
    """None if not every line is a whole row, or the header names its columns in quotes."""
    whole = opened = rows = width = 0
    mark = dialect.delimiter + '"'
    with text_of(path, dialect.encoding) as lines:
        for number, line in enumerate(lines, start=1):
            text = line.rstrip("\r\n")
            if not text or number <= dialect.preamble:
                continue
            if not width:
                width = text.count(dialect.delimiter) + 1
                names, _ = dialect.names(iter([text.split(dialect.delimiter)]))
                if not set(wanted) <= set(names):
                    return None
                if dialect.header:
                    continue
            if text.count(dialect.delimiter) != width - 1:
                return None
            rows += 1
            if text.startswith('"') or mark in text:
                fields = [field for field in text.split(dialect.delimiter) if field.startswith('"')]
                enclosed = [_is_enclosed(field) for field in fields]
                whole = whole or (any(enclosed) and number)
                opened = opened or (not all(enclosed) and number)
    return _Lines(whole, opened, rows)


def _is_enclosed(field: str) -> bool:
    return len(field) > 1 and field.endswith('"') and '"' not in field[1:-1].replace('""', "")


def _rows_if_quoted(path: Path, dialect: Dialect) -> int | None:
    """The number of rows if quotes enclose fields; None if the file cannot be read so."""
    with text_of(path, dialect.encoding) as lines:
        try:
            names, records = dialect.names(dialect.records(lines))
            sizes = [len(record) for record in records if record]
        except csv.Error:
            return None
    return len(sizes) if all(size == len(names) for size in sizes) else None
