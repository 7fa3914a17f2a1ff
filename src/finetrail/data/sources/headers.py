"""Which columns a table has, before it is read."""

import csv
from collections.abc import Sequence
from pathlib import Path

from finetrail.data.sources.detection import detect, text_of
from finetrail.data.sources.dialect import CsvSettings
from finetrail.data.sources.json_objects import read_objects
from finetrail.data.sources.scan import encoding_of
from finetrail.errors import SourceError


def has_columns(path: Path, kind: str, settings: CsvSettings, names: Sequence[str]) -> bool:
    """Whether a table has all of these columns, by its header, its schema or its first object.

    Of a file that cannot be read it has none: the reader says what is wrong.

    Args:
        kind: `csv`, `tsv`, `jsonl` or `parquet`.
        settings: how a CSV file is written, or what to detect of it.
    """
    try:
        if kind == "parquet":
            return _schema(path).issuperset(names)
        if kind == "jsonl":
            first = next(read_objects(path, encoding_of(path)), None)
            return first is not None and first[1].keys() >= set(names)
        dialect = detect(path, kind, settings, names, quotes=False)
        with text_of(path, dialect.encoding) as lines:
            return set(names) <= set(dialect.names(dialect.records(lines))[0])
    except (SourceError, UnicodeError, csv.Error):
        return False


def _schema(path: Path) -> set[str]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        return set(pq.read_schema(path).names)
    except (pa.ArrowException, OSError):
        return set()
