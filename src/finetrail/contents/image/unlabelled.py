"""Images to score: from a folder, an archive, a table, or a CSV file of grey values."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from finetrail.contents.image.pixel_tables import read_unlabelled
from finetrail.contents.image.received import encoded
from finetrail.contents.image.source import ARCHIVES
from finetrail.data.sources.annotated import is_image
from finetrail.data.sources.archives import read_members
from finetrail.data.sources.folders import file_names, read_file
from finetrail.data.sources.layout import folders_of
from finetrail.data.sources.place import Source
from finetrail.data.sources.unlabelled import PLAIN, Reading, Unlabelled, records_of
from finetrail.errors import ImageError, SourceError

LONGEST_NAME = 255
"""A longer string is an image in base64, not a name."""


def unlabelled_images(path: Path, column: str, source: Source | None, reading: Reading = PLAIN) -> Iterator[Unlabelled]:
    """The images of a folder or an archive at any depth, of a single file, or of a table's column.

    The column holds bytes, base64, paths (relative ones start in the table's folder), or structs of `bytes` and `path`,
    as Hugging Face writes them. An image that cannot be read comes with its problem; hidden files are skipped.

    Args:
        source: of the training data; if that is a CSV file of grey values, so is a CSV file here; None: no file is.

    Raises:
        ConfigError: see `finetrail.contents.image.pixel_tables.read_unlabelled`.
        SourceError: the folder, archive or table is missing, damaged or empty, or has no such column.
    """
    name = path.name.lower()
    if source is not None and (name.endswith(".csv.gz") or (name.endswith(".csv") and source.format == "pixels")):
        yield from _grey(path, column, source)
    elif path.is_dir() or (path.exists() and name.endswith(ARCHIVES)):
        row = 0
        for file, data, problem in _folder(path) if path.is_dir() else _archive(path):
            if not folders_of(file)[1]:
                row += 1
                yield Unlabelled(row, {column: file}, data, problem)
        if not row:
            raise SourceError(f"{path.name!r} holds no files; name the folder or archive that holds the images")
    elif is_image(path.name) and path.exists():
        yield _image(1, column, path.name, path.absolute(), path.parent)
    else:
        wanted = "a folder, an archive, an image, or a CSV, TSV, JSONL or Parquet file"
        for number, record in records_of(path, column, wanted, reading):
            value = record[column]
            if isinstance(value, dict):
                value = value.get("bytes") or value.get("path")
            named = isinstance(value, str) and 0 < len(value) <= LONGEST_NAME and not value.startswith("data:")
            found = _image(number, column, value if named else f"row {number}", value, path.parent)
            yield replace(found, kept={name: record[name] for name in reading.keep})


def _grey(path: Path, column: str, source: Source) -> Iterator[Unlabelled]:
    """The images of a file of grey values, with or without their labels; a bad line comes with its problem."""
    if not path.exists():
        raise SourceError(f"{path} does not exist; give a CSV file of grey values")
    for row, data, problem in read_unlabelled(path, source.columns):
        yield Unlabelled(row, {column: f"row {row}"}, data or None, problem)


def _image(row: int, column: str, name: str, value: object, folder: Path) -> Unlabelled:
    try:
        return Unlabelled(row, {column: name}, encoded(value, folder))
    except ImageError as error:
        return Unlabelled(row, {column: name}, problem=str(error))


def _archive(path: Path) -> Iterator[tuple[str, bytes | None, str]]:
    return ((name, data, "") for name, data in read_members(path))


def _folder(root: Path) -> Iterator[tuple[str, bytes | None, str]]:
    for name in file_names(root):
        try:
            yield name, read_file(root / name, name), ""
        except (SourceError, OSError) as error:
            yield name, None, f"cannot be read ({error})"
