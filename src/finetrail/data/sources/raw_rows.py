"""Read the columns of a table to score, row by row: a damaged row yields the reason, and reading continues."""

import csv
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from finetrail.data.canonical import is_missing
from finetrail.data.sources.columns import check_once
from finetrail.data.sources.detection import detect, text_of
from finetrail.data.sources.dialect import AUTO, CsvSettings
from finetrail.data.sources.disguised import refuse_disguised
from finetrail.data.sources.json_objects import UNREADABLE, ObjectDecoder, is_by_line, read_objects
from finetrail.data.sources.place import ROWS_AT_ONCE, TABLES
from finetrail.data.sources.scan import encoding_of
from finetrail.data.sources.tables import read_parquet
from finetrail.errors import SourceError


@dataclass(frozen=True)
class RawRow:
    """A row of a table as it stands.

    Attributes:
        number: from 1; for JSON with an object per line, the line's.
        values: of the columns that the row has.
        problem: why the row as a whole cannot be read; empty if it can.
    """

    number: int
    values: Mapping[str, Any]
    problem: str = ""

    def text(self, column: str) -> tuple[str, str]:
        """The text in a column, and why there is none: one of the two is empty."""
        return ("", self.problem) if self.problem else _text(self.values.get(column))


def read_raw(
    path: Path, columns: Sequence[str], keep: Sequence[str] = (), settings: CsvSettings = AUTO
) -> Iterator[RawRow]:
    """Yield the rows of a CSV, TSV, JSON or Parquet file, in constant memory.

    A row has a problem if it is not UTF-8 or not JSON, or has too many or too few fields. Only bytes of a column itself
    count against it.

    Args:
        columns: those to score. keep: others to read; the file has them.
        settings: how a CSV file is written.

    Raises:
        SourceError: no row has such a column, the file is not Parquet, or the quoting of a CSV file is broken: beyond
            that point nobody can tell where a row begins.
    """
    kind = TABLES[path.suffix.lower()]
    if kind == "parquet":
        return _parquet(path, [*dict.fromkeys([*columns, *keep])])
    refuse_disguised(path)
    return _json(path, columns) if kind == "jsonl" else _csv(path, columns, kind, settings)


def _csv(path: Path, columns: Sequence[str], kind: str, settings: CsvSettings) -> Iterator[RawRow]:
    dialect = detect(path, kind, settings, columns)
    with text_of(path, dialect.encoding) as lines:
        reader = dialect.records(lines)
        try:
            header, records = dialect.names(reader)
            _check_header(path, columns, header)
            number = 0
            for fields in records:
                number += bool(fields)  # blank lines are skipped
                if len(fields) == len(header):
                    yield RawRow(number, dict(zip(header, fields, strict=True)))
                elif fields:
                    line = reader.line_num + dialect.preamble
                    yield RawRow(number, {}, f"{len(fields)} fields, but the header has {len(header)} (line {line})")
        except csv.Error as error:
            raise SourceError(
                f"{path.name}, line {reader.line_num + dialect.preamble}: {error}; correct the quoting there, or set "
                "source.csv.quoting to none"
            ) from error


def _check_header(path: Path, columns: Sequence[str], header: list[str]) -> None:
    check_once(path.name, columns, header)
    for column in columns:
        if column not in header:
            raise _no_column(path, column, header)


def _json(path: Path, columns: Sequence[str]) -> Iterator[RawRow]:
    encoding = encoding_of(path)
    missing = set(columns)
    known: list[str] = []
    for row in _json_rows(path, encoding, columns):
        missing -= row.values.keys()
        known = known or list(row.values)
        yield row
    if known and missing:
        raise _no_column(path, next(name for name in columns if name in missing), known)


def _json_rows(path: Path, encoding: str, columns: Sequence[str]) -> Iterator[RawRow]:
    with text_of(path, encoding) as file:
        if not is_by_line(file):
            yield from (RawRow(number, record) for number, record in read_objects(path, encoding, columns))
            return
        decoder = ObjectDecoder()
        for number, line in enumerate(file, start=1):
            if line.strip():
                yield _json_row(number, line, columns, decoder)


def _json_row(number: int, line: str, columns: Sequence[str], decoder: ObjectDecoder) -> RawRow:
    try:
        line.encode()
        record = decoder.decode(line)
    except UnicodeEncodeError as error:
        return RawRow(number, {}, _undecodable(ord(line[error.start]) - 0xDC00))
    except (json.JSONDecodeError, *UNREADABLE) as error:
        return RawRow(number, {}, f"not JSON ({error})")
    if not isinstance(record, dict):
        return RawRow(number, {}, "not a JSON object")
    doubled = next((name for name in columns if name in decoder.twice), None)
    return RawRow(number, {}, f"column {doubled!r} appears twice") if doubled else RawRow(number, record)


def _parquet(path: Path, columns: list[str]) -> Iterator[RawRow]:
    try:
        for number, record in read_parquet(path, columns, ROWS_AT_ONCE):
            yield RawRow(number, record)
    except UnicodeDecodeError as error:
        raise SourceError(f"{path.name} holds text that is not UTF-8 ({error.reason}); write the file again") from error


def _text(value: Any) -> tuple[str, str]:
    problem = why_no_text(value)
    return ("", problem) if problem else (value, "")


def why_no_text(value: Any) -> str:
    """Why a value is no text to score; empty where it is one."""
    if is_missing(value):
        return "empty text" if isinstance(value, str) else "no text"
    if not isinstance(value, str):
        return f"{str(value)[:40]!r} is of type {type(value).__name__}, not text"
    try:
        value.encode()
    except UnicodeEncodeError as error:
        character = ord(value[error.start])
        # From surrogateescape; JSON may also escape half of a pair.
        return _undecodable(character - 0xDC00) if 0xDC80 <= character <= 0xDCFF else "half of a character"
    return ""


def _undecodable(byte: int) -> str:
    return f"byte 0x{byte:02x} is not UTF-8"


def _no_column(path: Path, column: str, found: list[str]) -> SourceError:
    known = ", ".join(map(repr, found)) or "none"
    return SourceError(f"{path.name}: no column {column!r}; it has {known}; set source.columns, or give --column")
