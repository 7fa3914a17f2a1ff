"""What is to be scored: the raw values of a table, a folder or an archive, one by one, without labels."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from finetrail.data.sources import SUFFIXES
from finetrail.data.tables import Record, read_csv, read_jsonl, read_parquet
from finetrail.errors import ImageError, SourceError
from finetrail.images import MOST_BYTES
from finetrail.received import encoded

LONGEST_NAME = 255
"""A string of more characters is no name but an image in base64."""
IMAGES = (".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".webp", ".bmp", ".gif", ".tif", ".tiff")
_NO_IMAGE = ("thumbs.db", "desktop.ini")


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
    """The images of a folder and its sub-folders, of a single file, or of a table's column.

    The column holds bytes, base64, paths relative to the table's folder, or structs of `bytes` and `path`, as Hugging
    Face writes them. What cannot be read is given back with its problem; hidden files are passed over.

    Raises:
        SourceError: the folder or file is missing or cannot be read, or has no such column.
    """
    if path.is_dir():
        yield from _folder(path)
    elif path.suffix.lower() in IMAGES and path.exists():
        yield _image(path.name, path.name, path.parent)
    else:
        for number, record in _records(path, column, "a folder, an image, or a CSV, TSV, JSONL or Parquet file"):
            value = record[column]
            if isinstance(value, dict):
                value = value.get("bytes") or value.get("path")
            named = isinstance(value, str) and len(value) <= LONGEST_NAME and not value.startswith("data:")
            yield _image(value if named else f"row {number}", value, path.parent)


def _image(name: str, value: object, folder: Path) -> Unlabelled:
    try:
        return Unlabelled(name, encoded(value, folder))
    except ImageError as error:
        return Unlabelled(name, problem=str(error))


def _folder(root: Path) -> Iterator[Unlabelled]:
    """Every file below a folder, in the order of the names."""
    empty = True
    for folder, below, files in os.walk(root):
        below[:] = sorted(name for name in below if not name.startswith((".", "__MACOSX")))
        for file in sorted(files):
            if file.startswith(".") or file.lower() in _NO_IMAGE:
                continue
            empty = False
            path = Path(folder, file)
            name = path.relative_to(root).as_posix()
            if path.is_file() and path.stat().st_size > MOST_BYTES:
                yield Unlabelled(name, problem=f"{path.stat().st_size:,} bytes are more than {MOST_BYTES:,}; shrink it")
            else:
                yield _image(name, path.absolute(), root)
    if empty:
        raise SourceError(f"{root.name!r} holds no files; name the folder that holds the images")


def _records(path: Path, column: str, wanted: str) -> Iterator[Record]:
    if not path.exists():
        raise SourceError(f"{path} does not exist; give {wanted}")
    kind = SUFFIXES.get(path.suffix.lower())
    if kind is None:
        raise SourceError(f"{path.name!r}: cannot tell its format from {path.suffix!r}; give {wanted}")
    if kind == "parquet":
        return read_parquet(path, [column])
    if kind == "jsonl":
        return read_jsonl(path, [column])
    return read_csv(path, [column], "\t" if kind == "tsv" else ",", 0)
