"""A table of any format, read once: its columns, some of its rows, and how it is written."""

import random
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from finetrail.data.sources.columns import Record, SplitName
from finetrail.data.sources.dialect import AUTO, UTF8, CsvSettings
from finetrail.data.sources.tables import read_csv, read_jsonl, read_parquet
from finetrail.errors import SourceError
from finetrail.starting.asking import Choose
from finetrail.starting.columns import Column
from finetrail.starting.dialects import said, settings_of

KEPT = 1000
"""Rows that are kept to look at columns side by side."""


@dataclass
class Table:
    """One file, or one for each official split.

    Attributes:
        kind: `csv`, `tsv`, `jsonl` or `parquet`.
        csv: how it is written, if it is a CSV or TSV file; every setting is decided.
        columns: by name, in their order.
        rows: how many.
        kept: some of them, drawn with the same chance each.
        splits: rows by official split, if each split has a file.
        blobs: columns of bytes, such as images; they are not read.
    """

    kind: str
    csv: CsvSettings = AUTO
    columns: dict[str, Column] = field(default_factory=dict)
    rows: int = 0
    kept: list[Mapping[str, Any]] = field(default_factory=list)
    splits: Counter[SplitName] = field(default_factory=Counter)
    blobs: list[str] = field(default_factory=list)

    @property
    def written(self) -> list[str]:
        """What is unusual in how it is written, for people."""
        return said(self.csv, self.kind) if self.kind in ("csv", "tsv") else []

    @property
    def unusual(self) -> dict[str, Any]:
        """Section `source.csv`, if something in how it is written has to be said there."""
        if not self.written:
            return {}
        keys = ("delimiter", "quoting", "header", "encoding")
        found = {key: getattr(self.csv, key) for key in keys}
        return found if found["encoding"] != UTF8 else {key: found[key] for key in keys[:-1]}


def read_table(files: Sequence[tuple[SplitName | None, Path]], kind: str, choose: Choose) -> Table:
    """Read a table whole. Memory holds the counts of its columns and `KEPT` rows.

    Args:
        files: each with its official split, if it has one.

    Raises:
        SourceError: it cannot be read, or has no row.
    """
    table = Table(kind)
    chance = random.Random(0)  # noqa: S311
    for split, path in files:
        for _, record in _records(table, path, choose):
            table.rows += 1
            if split:
                table.splits[split] += 1
            for name in record:
                if name not in table.columns:
                    table.columns[name] = Column(name, table.rows - 1, table.rows - 1)
            for name, column in table.columns.items():
                column.add(record.get(name))
            place = len(table.kept) if len(table.kept) < KEPT else chance.randrange(table.rows)
            table.kept[place : place + 1] = [record] if place < KEPT else table.kept[place : place + 1]
    for name in table.blobs:
        table.columns.setdefault(name, Column(name, table.rows))
    if not table.rows:
        raise SourceError(f"{' and '.join(path.name for _, path in files)} has no rows; add labelled examples")
    return table


def columns_of(path: Path, kind: str, choose: Choose) -> set[str]:
    """The columns of a table, by its first row."""
    return next((set(record) for _, record in _records(Table(kind), path, choose)), set())


def _records(table: Table, path: Path, choose: Choose) -> Iterator[Record]:
    if path.stat().st_size == 0:
        return iter(())
    if table.kind == "parquet":
        plain, table.blobs = _columns_of(path)
        return read_parquet(path, plain)
    if table.kind == "jsonl":
        return read_jsonl(path, [])
    table.csv = settings_of(path, table.kind, choose)
    return read_csv(path, [], table.kind, table.csv)


def _columns_of(path: Path) -> tuple[list[str], list[str]]:
    """The columns of a Parquet file, and apart from them those that hold bytes."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    def has_bytes(kind: Any) -> bool:
        inner = [kind.field(at).type for at in range(kind.num_fields)]
        return pa.types.is_binary(kind) or pa.types.is_large_binary(kind) or any(map(has_bytes, inner))

    try:
        schema = pq.read_schema(path)
    except pa.ArrowException:
        return [], []  # the reader says what is wrong
    blobs = [one.name for one in schema if has_bytes(one.type)]
    return [name for name in schema.names if name not in blobs], blobs
