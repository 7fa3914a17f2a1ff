"""Scored rows as Parquet: a part for each chunk, and the file that the parts become."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from finetrail.data.sources.kept import as_stored_text
from finetrail.serving.answer_types import arrow_type

if TYPE_CHECKING:
    import pyarrow as pa


def write_parquet(
    frame: pd.DataFrame,
    path: Path,
    nested: Mapping[str, str],
    kept: "Mapping[str, pa.DataType]",
    about: Mapping[str, str] | None,
) -> None:
    """Write a part. Lists and kept columns are given their type: where all are empty or missing, it cannot be inferred.

    Args:
        nested: the columns that hold lists or structs, and their types.
        kept: the caller's own columns, and their types.
        about: the file's metadata.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    texts = [name for name, kind in kept.items() if pa.types.is_string(kind)]
    frame = frame.assign(**{name: frame[name].map(as_stored_text) for name in texts})
    schema = pa.Schema.from_pandas(frame.drop(columns=list(kept)), preserve_index=False)
    types = {name: arrow_type(kind) for name, kind in nested.items()} | dict(kept)
    known = {name: schema.field(name).type for name in schema.names} | types
    schema = pa.schema([(name, known[name]) for name in frame.columns], metadata=dict(about or {}))
    arrays = [pa.array(frame[name], known[name], from_pandas=True) for name in frame.columns]
    pq.write_table(pa.Table.from_arrays(arrays, schema=schema), path)


def join_parquet(parts: list[Path], joined: Path) -> None:
    """Join parts, with the metadata of the first, one at a time, so that not all are in memory."""
    import pyarrow.parquet as pq

    with pq.ParquetWriter(joined, pq.read_schema(parts[0])) as whole:
        for part in parts:
            whole.write_table(pq.read_table(part))
