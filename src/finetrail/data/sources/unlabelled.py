"""Values to score: read raw from a table, a folder or an archive, one by one, without labels."""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from finetrail.data.sources.columns import Record
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
    """

    row: int
    given: Mapping[str, str]
    content: Any = None
    problem: str = ""


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


def records_of(path: Path, column: str, wanted: str) -> Iterator[Record]:
    """Return the rows of a table with the column to score. Args: wanted: what to give instead, for messages."""
    kind = kind_of(path, wanted)
    if kind == "parquet":
        return read_parquet(path, [column], ROWS_AT_ONCE)
    if kind == "jsonl":
        return read_jsonl(path, [column])
    return read_csv(path, [column], "\t" if kind == "tsv" else ",", 0)


def kind_of(path: Path, wanted: str) -> str:
    """Return a table's format, by its ending. Raises: SourceError: it does not exist, or has an unknown ending."""
    if not path.exists():
        raise SourceError(f"{path} does not exist; give {wanted}")
    kind = TABLES.get(path.suffix.lower())
    if kind is None:
        raise SourceError(f"{path.name!r}: cannot tell its format from {path.suffix!r}; give {wanted}")
    return kind
