"""Read CSV, JSON Lines and Parquet files row by row; errors name the line."""

import csv
import json
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import Any

from finetrail.data.sources.columns import Record
from finetrail.errors import SourceError


def read_csv(path: Path, columns: list[str], delimiter: str, skip_rows: int) -> Iterator[Record]:
    """Yield (row number from 1, {column: text}) of a delimited file with a header; an empty field is an empty string.

    Raises:
        SourceError: a byte is not UTF-8, a line has the wrong number of fields, or a column is missing.
    """
    _check_utf8(path)
    # Text columns may hold whole documents; the module's own limit is 128 KiB per field.
    csv.field_size_limit(2**31 - 1)
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.reader(file, delimiter=delimiter, strict=True)
        try:
            header = next(reader, [])
            _check_columns(path, columns, header)
            check_once(path.name, columns, header)
            number = -skip_rows
            for fields in reader:
                number += 1
                if number <= 0 or not fields:
                    number -= not fields
                    continue
                if len(fields) != len(header):
                    raise SourceError(
                        f"{path.name}, line {reader.line_num}: {len(fields)} fields, but the header has {len(header)}; "
                        "quote a field that holds the delimiter, or set source.format"
                    )
                yield number, dict(zip(header, fields, strict=True))
        except csv.Error as error:
            raise SourceError(f"{path.name}, line {reader.line_num}: {error}; correct the quoting there") from error


def read_jsonl(path: Path, columns: list[str]) -> Iterator[Record]:
    """Yield (line number, object) of a file with one JSON object per line; blank lines are skipped.

    Raises:
        SourceError: a line is not UTF-8, not a JSON object, or lacks a column.
    """
    _check_utf8(path)
    with path.open(encoding="utf-8-sig") as file:
        for number, line in enumerate(file, start=1):
            if not line.strip():
                continue
            try:
                record, twice = load_object(line)
            except json.JSONDecodeError as error:
                raise SourceError(
                    f"{path.name}, line {number}: not JSON ({error.msg} at column {error.colno}); one object per line"
                ) from error
            if not isinstance(record, dict):
                raise SourceError(f"{path.name}, line {number}: holds {line.strip()[:40]!r}; one JSON object per line")
            _check_columns(f"{path.name}, line {number}", columns, list(record))
            check_once(f"{path.name}, line {number}", columns, twice * 2)
            yield number, record


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
        number = 0
        for batch in file.iter_batches(batch_size, columns=columns, use_threads=False):
            for record in batch.to_pylist():
                number += 1
                yield number, record
    except (pa.ArrowException, OSError) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise  # from the operating system, such as a missing permission; pyarrow's for damaged pages has no number
        raise SourceError(
            f"{path.name} cannot be read as Parquet ({str(error).splitlines()[0]}); write it again or set source.format"
        ) from error


def load_object(line: str) -> tuple[Any, list[str]]:
    """A line of JSON, and the keys that its object has more than once: JSON allows them, and all but one would be lost.

    Raises:
        json.JSONDecodeError: the line is no JSON.
    """
    twice: list[str] = []

    def made(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        # Inner objects come first, and the outermost last: its keys are those that stay.
        twice[:] = [key for key, times in Counter(key for key, _ in pairs).items() if times > 1]
        return dict(pairs)

    return json.loads(line, object_pairs_hook=made), twice


def check_once(where: str, wanted: Collection[str], found: Sequence[str]) -> None:
    """Raise SourceError where a wanted column is there twice. Args: where: the file, and the line if it is one's."""
    doubled = next((name for name in wanted if found.count(name) > 1), None)
    if doubled is not None:
        raise SourceError(f"{where}: column {doubled!r} appears twice; rename one, or remove it")


def _check_columns(where: Path | str, wanted: list[str], found: list[str]) -> None:
    missing = [name for name in wanted if name not in found]
    if missing:
        name = where.name if isinstance(where, Path) else where
        known = ", ".join(map(repr, found)) or "none"
        raise SourceError(f"{name}: no column {missing[0]!r}; it has {known}; set source.columns")


def _check_utf8(path: Path) -> None:
    with path.open("rb") as file:
        for number, line in enumerate(file, start=1):
            try:
                line.decode("utf-8")
            except UnicodeDecodeError as error:
                raise SourceError(
                    f"{path.name}, line {number}: byte 0x{line[error.start]:02x} at column {error.start + 1} "
                    "is not UTF-8; convert the file, for example with `iconv -f latin1 -t utf-8`"
                ) from error
