"""What is to be scored: the raw values of a table, a folder or an archive, one by one, without labels."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from finetrail.contents.image.pixel_tables import read_unlabelled
from finetrail.contents.image.received import encoded
from finetrail.data.sources.archives import read_members
from finetrail.data.sources.columns import Columns
from finetrail.data.sources.folders import file_names, read_file
from finetrail.data.sources.layout import folders_of
from finetrail.data.sources.one_column import salvage
from finetrail.data.sources.place import ARCHIVES, ROWS_AT_ONCE, SUFFIXES, ImageSource, TextSource
from finetrail.data.sources.tables import Record, read_csv, read_jsonl, read_parquet
from finetrail.errors import ImageError, SourceError
from finetrail.locations import sha256_of

LONGEST_NAME = 255
"""A string of more characters is no name but an image in base64."""
IMAGES = (".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".webp", ".bmp", ".gif", ".tif", ".tiff")


@dataclass(frozen=True)
class Unlabelled:
    """A value to be scored.

    Attributes:
        row: its number from 1: of JSON lines the line's, of a folder or an archive the file's.
        name: what the scored file calls it: the text itself, an image's file or path, or the number of its row.
        content: a text, or an encoded image.
        problem: why there is no content; empty where there is.
    """

    row: int
    name: str
    content: Any = None
    problem: str = ""


def texts(path: Path, column: str) -> Iterator[Unlabelled]:
    """The texts in a column of a CSV, TSV, JSONL or Parquet file; a row without one is given with its problem.

    Raises:
        SourceError: the file is missing or cannot be read, or has no such column.
    """
    _kind_of(path, "a CSV, TSV, JSONL or Parquet file")
    return (Unlabelled(row, text, text or None, problem) for row, text, problem in salvage(path, column))


def images(path: Path, column: str) -> Iterator[Unlabelled]:
    """The images of a folder or an archive at any depth, of a single file, or of a table's column.

    The column holds bytes, base64, paths (relative ones start in the table's folder), or structs of `bytes` and `path`,
    as Hugging Face writes them. An image that cannot be read is given with its problem; hidden files are passed over.

    Raises:
        SourceError: the folder, archive or table is missing, damaged or empty, or has no such column.
    """
    if path.is_dir() or (path.exists() and path.name.lower().endswith(ARCHIVES)):
        row = 0
        for name, data, problem in _folder(path) if path.is_dir() else _archive(path):
            if not folders_of(name)[1]:
                row += 1
                yield Unlabelled(row, name, data, problem)
        if not row:
            raise SourceError(f"{path.name!r} holds no files; name the folder or archive that holds the images")
    elif path.suffix.lower() in IMAGES and path.exists():
        yield _image(1, path.name, path.absolute(), path.parent)
    else:
        wanted = "a folder, an archive, an image, or a CSV, TSV, JSONL or Parquet file"
        for number, record in _records(path, column, wanted):
            value = record[column]
            if isinstance(value, dict):
                value = value.get("bytes") or value.get("path")
            named = isinstance(value, str) and 0 < len(value) <= LONGEST_NAME and not value.startswith("data:")
            yield _image(number, value if named else f"row {number}", value, path.parent)


def grey_columns(path: Path, like: TextSource | ImageSource) -> Columns | None:
    """The columns of a CSV file of grey values, if its ending says so. Args: like: the training data's source."""
    name = path.name.lower()
    by_ending = name.endswith(".csv.gz") or (name.endswith(".csv") and like.format == "pixels")
    return like.columns if by_ending and isinstance(like, ImageSource) else None


def pixels(path: Path, columns: Columns) -> Iterator[Unlabelled]:
    """The pictures of a CSV file of grey values, with or without their labels; a line that holds none with its problem.

    Raises:
        ConfigError: see `finetrail.contents.image.pixel_tables.read_unlabelled`.
        SourceError: the file is missing, cannot be read, or its first line is no square picture.
    """
    if not path.exists():
        raise SourceError(f"{path} does not exist; give a CSV file of grey values")
    return (
        Unlabelled(row, f"row {row}", data or None, problem) for row, data, problem in read_unlabelled(path, columns)
    )


def identity(path: Path) -> str:
    """What makes two sources the same: a file's bytes, or the names, sizes and times of all files of a folder.

    Images that a table names by their paths are not looked at.
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
    """How many rows there are, where that can be told without reading them all; for a progress bar."""
    if path.is_dir():
        return sum(not folders_of(name)[1] for name in file_names(path))
    if path.suffix.lower() == ".parquet":
        import pyarrow as pa
        import pyarrow.parquet as pq

        try:
            return int(pq.read_metadata(path).num_rows)
        except (pa.ArrowException, OSError):
            return None  # whoever reads it says what is wrong
    return None


def _image(row: int, name: str, value: object, folder: Path) -> Unlabelled:
    try:
        return Unlabelled(row, name, encoded(value, folder))
    except ImageError as error:
        return Unlabelled(row, name, problem=str(error))


def _archive(path: Path) -> Iterator[tuple[str, bytes | None, str]]:
    return ((name, data, "") for name, data in read_members(path))


def _folder(root: Path) -> Iterator[tuple[str, bytes | None, str]]:
    for name in file_names(root):
        try:
            yield name, read_file(root / name, name), ""
        except (SourceError, OSError) as error:
            yield name, None, f"cannot be read ({error})"


def _records(path: Path, column: str, wanted: str) -> Iterator[Record]:
    kind = _kind_of(path, wanted)
    if kind == "parquet":
        return read_parquet(path, [column], ROWS_AT_ONCE)
    if kind == "jsonl":
        return read_jsonl(path, [column])
    return read_csv(path, [column], "\t" if kind == "tsv" else ",", 0)


def _kind_of(path: Path, wanted: str) -> str:
    if not path.exists():
        raise SourceError(f"{path} does not exist; give {wanted}")
    kind = SUFFIXES.get(path.suffix.lower())
    if kind is None:
        raise SourceError(f"{path.name!r}: cannot tell its format from {path.suffix!r}; give {wanted}")
    return kind
