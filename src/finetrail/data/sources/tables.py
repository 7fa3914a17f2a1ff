"""Read CSV, JSON Lines and Parquet files row by row; errors name the line."""

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from finetrail.data.sources.columns import Record, Tell, check_once
from finetrail.data.sources.detection import detect, text_of
from finetrail.data.sources.dialect import AUTO, CsvSettings, Dialect
from finetrail.data.sources.disguised import refuse_disguised
from finetrail.data.sources.hub import features_of, named
from finetrail.data.sources.json_objects import read_objects, wrapped
from finetrail.data.sources.scan import encoding_of, scan
from finetrail.errors import SourceError


def silent(line: str) -> None:
    """Tell nobody."""


@dataclass
class _Tally:
    """Where the lines of a CSV file went. Attributes: top: lines of the header and before it; records: below it."""

    top: int = 0
    records: int = 0
    rows: int = 0
    blank: int = 0
    skipped: int = 0

    def sum(self, lines: int) -> str:
        """The lines as a sum. Args: lines: counted without regard to quotes."""
        parts = {
            "above the rows": self.top,
            "rows": self.rows,
            "blank": self.blank,
            "skipped": self.skipped,
            "inside quoted fields": lines - self.top - self.records,
        }
        return f"{lines} lines = " + " + ".join(f"{number} {what}" for what, number in parts.items() if number)


def read_csv(
    path: Path,
    columns: list[str],
    kind: str = "csv",
    settings: CsvSettings = AUTO,
    *,
    skip_rows: int = 0,
    tell: Tell = silent,
) -> Iterator[Record]:
    """Yield (row number from 1, {column: text}) of a delimited file; an empty field is an empty string.

    Args:
        kind: `csv` or `tsv`.
        settings: how the file is written, or what to detect of it.
        skip_rows: rows to skip after the header.
        tell: receives how the file was read, and how its lines add up to rows.

    Raises:
        SourceError: it has two readings, a byte is not text, a line has the wrong number of fields, or a column is
            missing.
    """
    refuse_disguised(path)
    scanned = scan(path, encoding_of(path, settings.encoding), settable="source.csv.encoding")
    dialect = detect(path, kind, settings, columns, quotes=scanned.quotes)
    tally = _Tally(dialect.preamble)
    with text_of(path, dialect.encoding) as lines:
        reader = dialect.records(lines)
        try:
            yield from _rows(path, columns, dialect, reader, skip_rows=skip_rows, tally=tally)
        except csv.Error as error:
            raise SourceError(
                f"{path.name}, line {reader.line_num + dialect.preamble}: {error}; correct the quoting there, or set "
                "source.csv.quoting to none"
            ) from error
        read = reader.line_num + dialect.preamble
    if read != scanned.lines:
        raise SourceError(f"{path.name}: {scanned.lines} lines counted, but {read} read; it changed: start again")
    tell(f"{path.name}: {dialect}; {tally.sum(read)}")


def _rows(
    path: Path, columns: list[str], dialect: Dialect, reader: Any, *, skip_rows: int, tally: _Tally
) -> Iterator[Record]:
    header, records = dialect.names(reader)
    if dialect.header:
        tally.top += reader.line_num
    _check_header(path, columns, header, dialect)
    width = len(header)
    for fields in records:
        tally.records += 1
        if not fields:
            tally.blank += 1
        elif tally.skipped < skip_rows:
            tally.skipped += 1
        elif len(fields) != width:
            first = "the header" if dialect.header else "the first line"
            raise SourceError(
                f"{path.name}, line {reader.line_num + dialect.preamble}: {len(fields)} fields, but {first} has "
                f"{width}; quote a field that holds the delimiter, or set source.format"
            )
        else:
            tally.rows += 1
            yield tally.rows, dict(zip(header, fields, strict=True))


def read_jsonl(path: Path, columns: list[str]) -> Iterator[Record]:
    """Yield (number, object) of a file of JSON objects: one per line, printed over several lines, or in an array.

    A key that an object lacks is a missing value. The number is the line's where each line is an object, otherwise the
    object's, from 1.

    Raises:
        SourceError: it is not text or not JSON, holds something other than objects, or no object has a column.
    """
    refuse_disguised(path)
    encoding = encoding_of(path)
    scan(path, encoding)
    lacking = dict.fromkeys(columns)
    known: dict[str, Any] = {}
    rows = 0
    for number, record in read_objects(path, encoding, columns):
        rows += 1
        if lacking:
            lacking = {name: None for name in lacking if name not in record}
            known = known or record
        yield number, dict.fromkeys(columns) | record
    if rows and lacking:
        found = ", ".join(map(repr, known)) or "none"
        unwrap = wrapped(path, known)
        raise SourceError(
            f"{path.name}: no column {next(iter(lacking))!r}; it has {found}; "
            + (f"take its rows out: {unwrap}" if unwrap else "set source.columns")
        )


def read_parquet(path: Path, columns: list[str], batch_size: int = 10_000) -> Iterator[Record]:
    """Yield (row number from 1, {column: value}) of a Parquet file, batch by batch.

    Args:
        batch_size: rows held at once; make it small where a row holds megabytes.

    Raises:
        SourceError: the file is not Parquet, or lacks a column.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        # With a buffer, pyarrow holds about half as much of a large row group.
        file = pq.ParquetFile(path, buffer_size=2**20, pre_buffer=False)
        _check_columns(path, columns, file.schema_arrow.names)
        check_once(path.name, columns, file.schema_arrow.names)
        features, number = features_of(file.schema_arrow), 0
        known = {column: features[column] for column in columns if column in features}
        for batch in file.iter_batches(batch_size, columns=columns, use_threads=False):
            for record in batch.to_pylist():
                number += 1
                yield number, record | {name: named(feature, record[name]) for name, feature in known.items()}
    except (pa.ArrowException, OSError) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise  # from the operating system, such as a missing permission; pyarrow's for damaged pages has no number
        raise SourceError(
            f"{path.name} cannot be read as Parquet ({str(error).splitlines()[0]}); write it again or set source.format"
        ) from error


def _check_header(path: Path, columns: list[str], header: list[str], dialect: Dialect) -> None:
    """Raise SourceError if a column is missing. Without a header, columns are positions."""
    check_once(path.name, columns, header)
    missing = next((name for name in columns if name not in header), None)
    if missing is None:
        return
    if not dialect.header:
        raise SourceError(
            f"{path.name}: no column {missing!r}; source.csv.header is false, so its {len(header)} columns are called "
            f"'1' to '{len(header)}'; set source.columns"
        )
    known = ", ".join(map(repr, header)) or "none"
    raise SourceError(
        f"{path.name}: no column {missing!r}; it has {known}; set source.columns; if that line is a row already, set "
        "source.csv.header to false and source.columns to positions"
    )


def _check_columns(where: Path | str, wanted: list[str], found: list[str]) -> None:
    missing = [name for name in wanted if name not in found]
    if missing:
        name = where.name if isinstance(where, Path) else where
        known = ", ".join(map(repr, found)) or "none"
        raise SourceError(f"{name}: no column {missing[0]!r}; it has {known}; set source.columns")
