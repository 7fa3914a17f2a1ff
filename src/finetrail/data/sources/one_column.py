"""Read one column of a table row by row: a value that is not text yields the reason, and reading continues."""

import csv
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from finetrail.data.canonical import is_missing
from finetrail.data.sources.place import ROWS_AT_ONCE, TABLES
from finetrail.data.sources.tables import check_once, load_object, read_parquet
from finetrail.errors import SourceError

Field = tuple[int, str, str]
"""Row number from 1 (for JSONL, the line's), the text, and why there is none: one of the two is empty."""


def read_column(path: Path, column: str) -> Iterator[Field]:
    """Yield the texts in a column of a CSV, TSV, JSONL or Parquet file, in constant memory.

    A row yields the reason instead if its text is missing, empty, not a string, not UTF-8 or not JSON, or if it has too
    many or too few fields. Only bytes of the column itself count.

    Raises:
        SourceError: no row has such a column, the file is not Parquet, or the quoting of a CSV file is broken: beyond
            that point nobody can tell where a row begins.
    """
    kind = TABLES[path.suffix.lower()]
    if kind == "parquet":
        return _parquet(path, column)
    return _jsonl(path, column) if kind == "jsonl" else _csv(path, column, "\t" if kind == "tsv" else ",")


def _csv(path: Path, column: str, delimiter: str) -> Iterator[Field]:
    csv.field_size_limit(2**31 - 1)  # a field may hold a whole document; the module's own limit is 128 KiB
    # A byte that is not UTF-8 becomes a special character, so that the error can name its row.
    with path.open(encoding="utf-8-sig", errors="surrogateescape", newline="") as file:
        reader = csv.reader(file, delimiter=delimiter, strict=True)
        try:
            header = next(reader, [])
            check_once(path.name, [column], header)
            if column not in header:
                raise _no_column(path, column, header)
            place, number = header.index(column), 0
            for fields in reader:
                number += bool(fields)  # blank lines are skipped
                if len(fields) == len(header):
                    yield number, *_text(fields[place])
                elif fields:
                    yield number, "", f"{len(fields)} fields, but the header has {len(header)} (line {reader.line_num})"
        except csv.Error as error:
            raise SourceError(f"{path.name}, line {reader.line_num}: {error}; correct the quoting there") from error


def _jsonl(path: Path, column: str) -> Iterator[Field]:
    objects, seen = 0, False
    known: list[str] = []
    with path.open("rb") as file:
        for number, line in enumerate(file, start=1):
            if not line.strip():
                continue
            try:
                record, twice = load_object(line.decode("utf-8-sig" if number == 1 else "utf-8"))
            except UnicodeDecodeError as error:
                yield number, "", _undecodable(line[error.start])
                continue
            except (json.JSONDecodeError, RecursionError) as error:
                yield number, "", f"not JSON ({error})"
                continue
            if not isinstance(record, dict):
                yield number, "", "not a JSON object"
                continue
            objects += 1
            seen = seen or column in record
            known = known or list(record)
            if column in twice:
                yield number, "", f"column {column!r} appears twice"
            else:
                yield number, *_text(record.get(column))
    if objects and not seen:
        raise _no_column(path, column, known)


def _parquet(path: Path, column: str) -> Iterator[Field]:
    try:
        for number, record in read_parquet(path, [column], ROWS_AT_ONCE):
            yield number, *_text(record[column])
    except UnicodeDecodeError as error:
        raise SourceError(
            f"{path.name}: column {column!r} holds text that is not UTF-8 ({error.reason}); write the file again"
        ) from error


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
