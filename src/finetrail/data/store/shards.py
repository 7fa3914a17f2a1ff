"""Parquet shards: written batch by batch, and read back without holding more than a batch of contents."""

from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, NamedTuple, Self

from finetrail.errors import WorkspaceError
from finetrail.workspace import need

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

ROWS_A_READ = 256  # few, so that large images fit into memory


class Most(NamedTuple):
    """An upper limit. Attributes: rows; size: of their contents, in bytes of images or characters of texts."""

    rows: int
    size: int


A_SHARD = Most(50_000, 256 * 2**20)
METADATA = "metadata."
"""Begins the names of the columns of what else is known of a row; the rest is the column's name in the source."""


class ShardWriter:
    """Writes tables of one schema into `part-00000.parquet`, `part-00001.parquet`, ...; each table is one row group.

    Args:
        folder: where the shards go; no file is created before the first table.
        content: the column of texts or images, which is bounded in bytes and stored without a dictionary.
        compression: of that column; all others are compressed.
        most: rows and bytes per shard.
    """

    def __init__(self, folder: Path, schema: "pa.Schema", content: str, compression: str, most: Most = A_SHARD) -> None:
        self._folder, self._schema, self._content, self._most = folder, schema, content, most
        self._options = parquet_options(schema, content, compression)
        self._open: Any = None
        self._shards = self._rows = self._bytes = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._close()

    def write(self, table: "pa.Table") -> None:
        """Append the rows, in a new shard if the current one would get too many rows or bytes."""
        import pyarrow.parquet as pq

        size = table[self._content].nbytes
        if self._rows + len(table) > self._most.rows or self._bytes + size > self._most.size:
            self._close()
        if self._open is None:
            self._open = pq.ParquetWriter(
                self._folder / f"part-{self._shards:05d}.parquet",
                self._schema,
                **self._options,
            )
            self._shards += 1
            self._rows = self._bytes = 0
        self._open.write_table(table, row_group_size=len(table))
        self._rows += len(table)
        self._bytes += size

    def _close(self) -> None:
        if self._open is not None:
            self._open.close()
            self._open = None


def parquet_options(schema: "pa.Schema", content: str, compression: str) -> dict[str, Any]:
    """How to write columns: the content without dictionary and statistics, nested ones with Parquet's defaults.

    Args:
        compression: of the content; all others are compressed.
    """
    import pyarrow as pa

    flat = [field.name for field in schema if not pa.types.is_nested(field.type)]
    if len(flat) < len(schema):
        # Parquet names the leaves of nested columns, not the columns: one setting must serve for all.
        return {"compression": "zstd", "write_statistics": [name for name in flat if name != content]}
    others = [name for name in flat if name != content]
    return {
        "compression": {name: compression if name == content else "zstd" for name in schema.names},
        "use_dictionary": [name for name in others if name != "id"],
        "write_statistics": others,
    }


class Contents:
    """The contents of all shards of a folder, in order: sized, and iterable any number of times.

    Reads lazily, and holds no more than a row group: what `ShardWriter` writes at once.
    """

    def __init__(self, folder: Path, column: str) -> None:
        import pyarrow.parquet as pq

        self._folder = folder
        self._column = column
        self._length: int = sum(pq.read_metadata(file).num_rows for file in parts(folder))

    def __len__(self) -> int:
        return self._length

    def __iter__(self) -> Iterator[Any]:
        for batch in read_batches(self._folder, [self._column]):
            yield from batch[self._column].to_pylist()


def read_frame(folder: Path) -> "pd.DataFrame":
    """Read the rows of all shards without their content, in order: id, label, group, and what else is there.

    Besides are `split`, of the source, and the columns of metadata.
    """
    import pandas as pd
    import pyarrow as pa
    import pyarrow.parquet as pq

    files = parts(folder)
    names = ["id", "label", "group", "split"]
    if not files:
        return pd.DataFrame({name: pd.Series(dtype="str") for name in names})
    names = [name for name in names if name in pq.read_schema(files[0]).names] + metadata_in(folder)
    return to_frame(pa.concat_tables([pq.read_table(file, columns=names) for file in files]))


def metadata_in(folder: Path) -> list[str]:
    """The columns of metadata that the shards of a folder have."""
    import pyarrow.parquet as pq

    files = parts(folder)
    return [name for name in (pq.read_schema(files[0]).names if files else ()) if name.startswith(METADATA)]


def groups_of(rows: "pd.DataFrame") -> list[Any]:
    """The groups of rows (n,) that `read_frame` read; None for a row without one."""
    return _known(rows["group"])


def metadata_of(rows: "pd.DataFrame") -> dict[str, list[Any]]:
    """What else is known of rows (n,) that `read_frame` read, by column of the source; None where a row lacks it."""
    return {name.removeprefix(METADATA): _known(rows[name]) for name in map(str, rows) if name.startswith(METADATA)}


def _known(values: "pd.Series[Any]") -> list[Any]:
    """The values (n,) of a column; None for what is missing."""
    return [None if missing else value for value, missing in zip(values, values.isna(), strict=True)]


def refuse_other_labels(file: Path, label: "pa.DataType") -> None:
    """Refuse rows that were made for another task. Args: file: one of them; label: the type of the task's labels.

    Raises:
        WorkspaceError: its labels have another type.
    """
    import pyarrow.parquet as pq

    found = pq.read_schema(file).field("label").type
    if found != label:
        raise WorkspaceError(f"{file} holds labels of another task ({found} instead of {label}); run `dvc repro`")


def to_frame(table: "pa.Table") -> "pd.DataFrame":
    """Convert a table to pandas. Lists of numbers become arrays; other nested values, such as labels, objects."""
    import pandas as pd
    import pyarrow as pa

    frame: pd.DataFrame = table.to_pandas()
    for field in table.schema:
        numeric = pa.types.is_list(field.type) and pa.types.is_floating(field.type.value_type)
        if pa.types.is_nested(field.type) and not numeric:
            frame[field.name] = pd.Series(table[field.name].to_pylist(), index=frame.index, dtype="object")
    return frame


def columns_of(folder: Path, content: str) -> tuple[str, ...]:
    """The columns that a row's content was read from: its fields if it has several, else its own column."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    files = parts(folder)
    kind = pq.read_schema(files[0]).field(content).type if files else pa.string()
    return tuple(field.name for field in kind) if pa.types.is_struct(kind) else (content,)


def pick(folder: Path, column: str, ids: Collection[str]) -> dict[str, Any]:
    """Return the contents of a few rows by id, in the order of the shards.

    Raises:
        WorkspaceError: the shards have no row with such an id.
    """
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    wanted = pa.array(sorted(ids), pa.string())
    found: dict[str, Any] = {}
    for file in parts(folder) if ids else []:
        opened = pq.ParquetFile(file)
        for group in range(opened.num_row_groups):
            # Ids are small: read the contents of a group only if it has a wanted id.
            if pc.any(pc.is_in(opened.read_row_group(group, columns=["id"])["id"], wanted)).as_py():
                for batch in _batches(file, ["id", column], [group]):
                    kept = batch.filter(pc.is_in(batch["id"], wanted))
                    found |= dict(zip(kept["id"].to_pylist(), kept[column].to_pylist(), strict=True))
    missing = sorted(set(ids) - set(found))
    if missing:
        raise WorkspaceError(f"{folder} has no row {missing[0]!r}: its files come from different runs; run `dvc repro`")
    return found


def read_batches(folder: Path, columns: list[str], rows: int = ROWS_A_READ) -> "Iterator[pa.RecordBatch]":
    """Yield the rows of all shards of a folder, in order, some at a time."""
    for file in parts(folder):
        yield from _batches(file, columns, rows=rows)


def parts(folder: Path) -> list[Path]:
    """The shards of a folder, in order."""
    return sorted(need(folder, "ingest" if folder.name == "raw" else "split").glob("part-*.parquet"))


def _batches(
    file: Path, columns: list[str], groups: list[int] | None = None, rows: int = ROWS_A_READ
) -> "Iterator[pa.RecordBatch]":
    import pyarrow.parquet as pq

    # With a buffer, pyarrow holds about half as much of a large row group; those that finetrail writes are small.
    opened = pq.ParquetFile(file, buffer_size=2**20, pre_buffer=False)
    yield from opened.iter_batches(batch_size=rows, columns=columns, row_groups=groups, use_threads=False)


def schema_of(columns: "Mapping[str, str | pa.DataType]") -> "pa.Schema":
    """Build an Arrow schema from names and types; a type may be a name, such as `string`."""
    import pyarrow as pa

    return pa.schema(
        [(name, pa.type_for_alias(kind) if isinstance(kind, str) else kind) for name, kind in columns.items()]
    )
