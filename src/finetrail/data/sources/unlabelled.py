"""Values to score: read raw from a table, a folder or an archive, one by one, without labels."""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from finetrail.data.sources.columns import Record
from finetrail.data.sources.dialect import AUTO, CsvSettings
from finetrail.data.sources.disguised import WORKBOOKS, refuse_disguised
from finetrail.data.sources.folders import file_names
from finetrail.data.sources.layout import folders_of
from finetrail.data.sources.place import ROWS_AT_ONCE, TABLES
from finetrail.data.sources.tables import read_csv, read_jsonl, read_parquet
from finetrail.errors import SourceError
from finetrail.locations import sha256_of


@dataclass(frozen=True)
class Unlabelled:
    """A value to score.

    Attributes:
        row: its number from 1: the line's for JSONL, the file's for a folder or an archive.
        given: what the scored file shows of it, by column: the text itself, an image's file or path, or its row.
        content: the input to the model.
        problem: why there is no content; empty if there is.
        kept: the caller's own columns.
    """

    row: int
    given: Mapping[str, str]
    content: Any = None
    problem: str = ""
    kept: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Reading:
    """How a table to score is read. Attributes: csv: how it is written; keep: the caller's columns to keep."""

    csv: CsvSettings = AUTO
    keep: tuple[str, ...] = ()


PLAIN = Reading()
"""Everything detected, nothing kept."""


def identity(path: Path) -> str:
    """Identify a source: by a file's bytes, or by the names, sizes and times of all files of a folder.

    Images that a table names by their paths are not checked.
    """
    if not path.is_dir():
        return sha256_of(path)
    digest = hashlib.sha256()
    for name in file_names(path):
        if not folders_of(name)[1]:
            facts = (path / name).stat()
            digest.update(f"{name}\0{facts.st_size}\0{facts.st_mtime_ns}\0".encode(errors="surrogateescape"))
    return digest.hexdigest()


def count(path: Path) -> int | None:
    """The number of rows, if it is known without reading them all; for a progress bar."""
    if path.is_dir():
        return sum(not folders_of(name)[1] for name in file_names(path))
    if path.suffix.lower() == ".parquet":
        import pyarrow as pa
        import pyarrow.parquet as pq

        try:
            return int(pq.read_metadata(path).num_rows)
        except (pa.ArrowException, OSError):
            return None  # the reader reports what is wrong
    return None


def records_of(path: Path, column: str, wanted: str, reading: Reading) -> Iterator[Record]:
    """Return the rows of a table with the column to score, and those to keep.

    Args:
        wanted: what to give instead, for messages.
    """
    columns = [*dict.fromkeys([column, *reading.keep])]
    kind = kind_of(path, wanted)
    if kind == "parquet":
        return read_parquet(path, columns, ROWS_AT_ONCE)
    if kind == "jsonl":
        return read_jsonl(path, columns)
    return read_csv(path, columns, kind, reading.csv)


def kind_of(path: Path, wanted: str) -> str:
    """Return a table's format, by its ending. Raises: SourceError: it does not exist, or has an unknown ending."""
    if not path.exists():
        raise SourceError(f"{path} does not exist; give {wanted}")
    kind = TABLES.get(path.suffix.lower())
    if kind is None and path.suffix.lower() in WORKBOOKS:
        refuse_disguised(path)
    if kind is None:
        raise SourceError(f"{path.name!r}: cannot tell its format from {path.suffix!r}; give {wanted}")
    return kind
