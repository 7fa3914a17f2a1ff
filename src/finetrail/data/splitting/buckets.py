"""Carry contents of any number and size from the raw shards into those of the splits, some rows at a time."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from finetrail.data.store.shards import A_SHARD, Most, metadata_in, parquet_options, read_batches
from finetrail.errors import SplitError
from finetrail.progress import Track, quiet

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa
    from numpy.typing import NDArray

    Ints = NDArray[np.int64]

ROWS_A_GROUP = 2_000
SIZE_A_GROUP = 32 * 2**20
OTHER_ROWS = "the shards and the manifest of data/raw come from different runs; run `finetrail ingest` again"


def cut(sizes: "Ints", most: Most = A_SHARD) -> "Ints":
    """Return each row's shard number, in order, so that no shard has too many rows or too large contents."""
    import numpy as np

    shards = np.zeros(len(sizes), dtype=np.int64)
    shard = rows = total = 0
    for row, size in enumerate(sizes.tolist()):
        if rows and (rows == most.rows or total + size > most.size):
            shard, rows, total = shard + 1, 0, 0
        shards[row] = shard
        rows, total = rows + 1, total + size
    return shards


def distribute(
    raw: Path,
    column: str,
    ids: Sequence[str],
    *,
    sizes: "Ints",
    splits: "Ints",
    folders: Sequence[Path],
    rename: Callable[[Any], Any] | None = None,
    track: Track = quiet,
    shard_of: Most = A_SHARD,
) -> None:
    """Write the rows of each split in the order of their ids, as shards of id, content, label, group and metadata.

    The raw shards are read once, while each new shard is gathered in its own file and then sorted: memory holds one.

    Args:
        ids: of all rows, in the order of the raw shards.
        sizes: (rows,) of the contents, in bytes or characters.
        splits: (rows,) the number of each row's folder, -1 for none.
        folders: one per split, empty.
        rename: gives the label to write for a label; None where none changes.
        track: shows how far the raw shards are read.
        shard_of: the most that a shard holds.

    Raises:
        SplitError: the raw shards hold other rows.
    """
    import numpy as np
    import pyarrow as pa

    names = np.array(ids, dtype=object)
    shards = np.full(len(ids), -1)
    files: list[Path] = []
    for number, folder in enumerate(folders):
        rows = np.flatnonzero(splits == number)
        rows = rows[np.argsort(names[rows], kind="stable")]
        own = cut(sizes[rows], shard_of)
        shards[rows] = own + len(files)
        files += [folder / f"part-{shard:05d}.parquet" for shard in range(int(own.max(initial=-1)) + 1)]
    gathered = [file.with_suffix(".rows") for file in files]
    writers: list[pa.ipc.RecordBatchStreamWriter | None] = [None] * len(files)
    at = 0
    few = max(1, min(ROWS_A_GROUP, SIZE_A_GROUP // int(sizes.max(initial=1))))  # so few that memory holds the largest
    columns = ["id", column, "label", "group", *metadata_in(raw)]
    for batch in track(read_batches(raw, columns, few), total=None, what="writing the splits"):
        upto = at + len(batch)
        if batch["id"].to_pylist() != names[at:upto].tolist():
            raise SplitError(OTHER_ROWS)
        places = shards[at:upto]
        for shard in np.unique(places[places >= 0]).tolist():
            part = batch.take(pa.array(np.flatnonzero(places == shard)))
            part = part if rename is None else _relabelled(part, rename)
            if writers[shard] is None:
                writers[shard] = pa.ipc.new_stream(str(gathered[shard]), batch.schema)
            writers[shard].write_batch(part)
        at = upto
    for writer in writers:
        if writer is not None:
            writer.close()
    if at != len(ids):
        raise SplitError(OTHER_ROWS)
    for rows_file, file in zip(gathered, files, strict=True):
        _sort(rows_file, file, column)
        rows_file.unlink()


def _relabelled(batch: "pa.RecordBatch", rename: Callable[[Any], Any]) -> "pa.RecordBatch":
    import pyarrow as pa

    labels = [None if label is None else rename(label) for label in batch["label"].to_pylist()]
    place = batch.schema.get_field_index("label")
    return batch.set_column(place, batch.schema.field(place), pa.array(labels, batch.schema.field(place).type))


def _sort(gathered: Path, shard: Path, column: str) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    with pa.memory_map(str(gathered)) as file:
        rows = pa.ipc.open_stream(file).read_all().combine_chunks()  # taking from many small chunks is slow
        order = pa.compute.sort_indices(rows["id"])
        group = max(1, min(ROWS_A_GROUP, len(rows) * SIZE_A_GROUP // rows.nbytes))
        schema = rows.schema.remove_metadata()
        encoded = pa.types.is_binary(schema.field(column).type)  # encoded images do not shrink further
        options = parquet_options(schema, column, "none" if encoded else "zstd")
        with pq.ParquetWriter(shard, schema, **options) as writer:
            for start in range(0, len(order), group):
                writer.write_table(rows.take(order.slice(start, group)), row_group_size=group)
