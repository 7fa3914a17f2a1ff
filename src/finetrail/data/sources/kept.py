"""The caller's own columns of a table to score: their names, and the type that each has in Parquet."""

import base64
import json
import logging
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from finetrail.data.sources.detection import detect, text_of
from finetrail.data.sources.dialect import CsvSettings
from finetrail.data.sources.disguised import refuse_disguised
from finetrail.data.sources.json_objects import is_by_line, read_objects
from finetrail.data.sources.place import TABLES
from finetrail.data.sources.scan import encoding_of
from finetrail.errors import ConfigError, SourceError

if TYPE_CHECKING:
    import pyarrow as pa

log = logging.getLogger(__name__)


def kept_columns(
    path: Path, asked: Sequence[str] | None, scored: Sequence[str], settings: CsvSettings
) -> "dict[str, pa.DataType]":
    """Return the columns to keep, and their types: those of Parquet, text for CSV, what all values share for JSON.

    Args:
        asked: names; None: all, where there are any.
        scored: the columns that hold what is scored, in which a header is recognised.

    Raises:
        ConfigError: names are asked of a source without columns: a folder, an archive or an image.
        SourceError: it has no such column, or not just once.
    """
    kind = TABLES.get(path.suffix.lower())
    if path.is_dir() or kind is None:
        if asked is None:
            return {}
        raise ConfigError(f"{path.name!r} has no columns, so --keep keeps nothing; leave it out, or give a table")
    if kind == "parquet":
        found = _of_parquet(path)
    else:
        refuse_disguised(path)
        found = _of_json(path) if kind == "jsonl" else _of_csv(path, kind, scored, settings)
    names = [name for name, _ in found]
    if asked is None:
        found = [(name, kind) for name, kind in found if names.count(name) == 1]
        if more := sorted({*names} - {name for name, _ in found}):
            log.warning("%s: several columns are called %s: none of these is kept", path.name, ", ".join(more))
        return dict(found)
    for name in asked:
        if names.count(name) != 1:
            known = ", ".join(map(repr, names)) or "none"
            raise SourceError(
                f"{path.name}: {names.count(name)} columns are called {name!r}; it has {known}; set --keep"
            )
    types = dict(found)
    return {name: types[name] for name in asked}


def plain(value: Any) -> Any:
    """A kept value as JSON and CSV hold it: bytes as base64, dates and decimals as text."""
    if isinstance(value, Mapping):
        return {str(key): plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [plain(one) for one in value]
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, str):
        # A half of a character, or a byte that was not text.
        return value.encode("utf-8", "replace").decode()
    return value if value is None or isinstance(value, bool | int | float) else str(value)


def as_stored_text(value: Any) -> str | None:
    """A JSON value as text, for a column whose values have no type in common."""
    value = plain(value)
    return value if value is None or isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def as_cell(value: Any) -> Any:
    """A plain value in a cell of a CSV file: lists and objects are JSON text there."""
    return json.dumps(value, ensure_ascii=False) if isinstance(value, list | dict) else value


def _of_csv(path: Path, kind: str, scored: Sequence[str], settings: CsvSettings) -> "list[tuple[str, pa.DataType]]":
    import pyarrow as pa

    dialect = detect(path, kind, settings, scored)
    with text_of(path, dialect.encoding) as lines:
        names, _ = dialect.names(dialect.records(lines))
    return [(name, pa.string()) for name in names]


def _of_parquet(path: Path) -> "list[tuple[str, pa.DataType]]":
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        schema = pq.read_schema(path)
    except (pa.ArrowException, OSError):
        return []  # the reader reports what is wrong
    return [(field.name, field.type) for field in schema]


def _of_json(path: Path) -> "list[tuple[str, pa.DataType]]":
    """Reads the whole file: any object may have another key."""
    import pyarrow as pa

    arrow = {
        frozenset({bool}): pa.bool_(),
        frozenset({int}): pa.int64(),
        frozenset({float}): pa.float64(),
        frozenset({int, float}): pa.float64(),
    }
    kinds: dict[str, set[type]] = {}
    for record in _objects(path):
        for name, value in record.items():
            known = kinds.setdefault(name, set())
            if value is not None:
                known.add(type(value) if not isinstance(value, int) or abs(value) < 2**63 else str)
    return [(name, arrow.get(frozenset(known), pa.string())) for name, known in kinds.items()]


def _objects(path: Path) -> Iterator[Mapping[str, Any]]:
    encoding = encoding_of(path)
    with text_of(path, encoding) as file:
        if not is_by_line(file):
            yield from (record for _, record in read_objects(path, encoding))
            return
        for line in file:
            try:
                record = json.loads(line) if line.strip() else None
            except (ValueError, RecursionError):
                continue  # the reader rejects the row
            if isinstance(record, dict):
                yield record
