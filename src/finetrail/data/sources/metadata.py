"""Hugging Face's metadata beside images: metadata.jsonl or metadata.csv, with a row for each image."""

import csv
import io
import json
from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath
from typing import Any, NamedTuple

from finetrail.data.sources.annotation_files import Files
from finetrail.data.sources.columns import Record
from finetrail.errors import SourceError

_NAMES = ("metadata.jsonl", "metadata.csv")
_FILE_NAME = "file_name"


class Described(NamedTuple):
    """A row. Attributes: where: for messages; table: the file that it is in; image: its name from the tree's root."""

    where: str
    table: str
    image: str
    record: Mapping[str, Any]


def is_metadata(files: Files) -> bool:
    """Whether a tree has such a file."""
    return any(PurePosixPath(name).name in _NAMES for name in files.texts)


def metadata_rows(files: Files, label: str) -> Iterator[Described]:
    """The rows of all such files of a tree; images are named relative to the file.

    Raises:
        SourceError: a row has no `file_name`, or no such column for its label.
    """
    for name, data in files.texts.items():
        if PurePosixPath(name).name not in _NAMES:
            continue
        for number, record in table_records(name, data):
            where = f"{name}, row {number}"
            for needed in (_FILE_NAME, label):
                if needed not in record:
                    raise SourceError(f"{where} has no {needed!r}, but {', '.join(record)}; set source.columns.label")
            yield Described(where, name, str(PurePosixPath(name).parent / str(record[_FILE_NAME])), record)


def table_records(name: str, data: bytes) -> Iterator[Record]:
    """The records of a CSV file with commas or of a JSONL file. Raises: SourceError: a line is not JSON."""
    text = data.decode("utf-8-sig", "replace")
    if name.lower().endswith(".csv"):
        yield from enumerate(csv.DictReader(io.StringIO(text)), start=1)
        return
    for number, line in enumerate(text.splitlines(), start=1):
        try:
            record = json.loads(line) if line.strip() else None
        except ValueError as error:
            raise SourceError(f"{name}, line {number} is not JSON ({error}); correct it") from error
        if isinstance(record, dict):
            yield number, record
