"""What is to be scored: the raw values of a table, a folder or an archive, one by one, without labels."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from finetrail.data.archives import read_members
from finetrail.data.folders import file_names, read_file
from finetrail.data.layout import folders_of
from finetrail.data.sources import ARCHIVES, ROWS_AT_ONCE, SUFFIXES
from finetrail.data.tables import Record, read_csv, read_jsonl, read_parquet
from finetrail.errors import ImageError, SourceError
from finetrail.received import encoded

LONGEST_NAME = 255
"""A string of more characters is no name but an image in base64."""
IMAGES = (".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".webp", ".bmp", ".gif", ".tif", ".tiff")


@dataclass(frozen=True)
class Unlabelled:
    """A value to be scored.

    Attributes:
        name: what the scored file calls it: the text itself, an image's file or path, or the number of its row.
        content: a text, or an encoded image.
        problem: why there is no content; empty where there is.
    """

    name: str
    content: Any = None
    problem: str = ""


def texts(path: Path, column: str) -> Iterator[Unlabelled]:
    """The texts in a column of a CSV, TSV, JSONL or Parquet file.

    Raises:
        SourceError: the file is missing, cannot be read, has no such column, or a value is no text.
    """
    for number, record in _records(path, column, "a CSV, TSV, JSONL or Parquet file"):
        value = record[column]
        if not isinstance(value, str):
            raise SourceError(f"{path.name}, row {number}: column {column!r} holds {value!r}; it must be text")
        yield Unlabelled(value, value)


def images(path: Path, column: str) -> Iterator[Unlabelled]:
    """The images of a folder or an archive at any depth, of a single file, or of a table's column.

    The column holds bytes, base64, paths (relative ones start in the table's folder), or structs of `bytes` and `path`,
    as Hugging Face writes them. An image that cannot be read is given with its problem; hidden files are passed over.

    Raises:
        SourceError: the folder, archive or table is missing, damaged or empty, or has no such column.
    """
    if path.is_dir() or (path.exists() and path.name.lower().endswith(ARCHIVES)):
        empty = True
        for one in _folder(path) if path.is_dir() else _archive(path):
            if not folders_of(one.name)[1]:
                empty = False
                yield one
        if empty:
            raise SourceError(f"{path.name!r} holds no files; name the folder or archive that holds the images")
    elif path.suffix.lower() in IMAGES and path.exists():
        yield _image(path.name, path.absolute(), path.parent)
    else:
        wanted = "a folder, an archive, an image, or a CSV, TSV, JSONL or Parquet file"
        for number, record in _records(path, column, wanted):
            value = record[column]
            if isinstance(value, dict):
                value = value.get("bytes") or value.get("path")
            named = isinstance(value, str) and 0 < len(value) <= LONGEST_NAME and not value.startswith("data:")
            yield _image(value if named else f"row {number}", value, path.parent)


def _image(name: str, value: object, folder: Path) -> Unlabelled:
    try:
        return Unlabelled(name, encoded(value, folder))
    except ImageError as error:
        return Unlabelled(name, problem=str(error))


def _archive(path: Path) -> Iterator[Unlabelled]:
    return (Unlabelled(name, data) for name, data in read_members(path))


def _folder(root: Path) -> Iterator[Unlabelled]:
    for name in file_names(root):
        try:
            yield Unlabelled(name, read_file(root / name, name))
        except (SourceError, OSError) as error:
            yield Unlabelled(name, problem=f"cannot be read ({error})")


def _records(path: Path, column: str, wanted: str) -> Iterator[Record]:
    if not path.exists():
        raise SourceError(f"{path} does not exist; give {wanted}")
    kind = SUFFIXES.get(path.suffix.lower())
    if kind is None:
        raise SourceError(f"{path.name!r}: cannot tell its format from {path.suffix!r}; give {wanted}")
    if kind == "parquet":
        return read_parquet(path, [column], ROWS_AT_ONCE)
    if kind == "jsonl":
        return read_jsonl(path, [column])
    return read_csv(path, [column], "\t" if kind == "tsv" else ",", 0)
