"""The file of scored rows, written chunk by chunk, so that it may be larger than memory."""

import csv
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import pandas as pd

WRITERS = (".csv", ".jsonl", ".parquet")


class ScoredFile:
    """Takes frames of equal columns, and takes the place of `target` only when all of them are written.

    Args:
        target: a CSV, JSONL or Parquet file, by its ending.
    """

    def __init__(self, target: Path) -> None:
        self._target = target
        self._partial = target.with_name(target.name + ".partial")
        self._parquet: Any = None
        self._begun = False

    def __enter__(self) -> Self:
        self._target.parent.mkdir(parents=True, exist_ok=True)
        self._partial.unlink(missing_ok=True)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._parquet is not None:
            self._parquet.close()
        if kind is None and self._begun:
            self._partial.replace(self._target)
        else:
            self._partial.unlink(missing_ok=True)

    def write(self, frame: pd.DataFrame) -> None:
        """Append rows; the first frame, which may be without any, gives the columns."""
        if self._target.suffix == ".parquet":
            self._write_parquet(frame)
        elif self._target.suffix == ".jsonl":
            with self._partial.open("a", encoding="utf-8", newline="") as file:
                if len(frame):
                    frame.to_json(file, orient="records", lines=True, force_ascii=False)
        else:
            # All texts are quoted: without, a lone carriage return inside of one would end its row.
            frame.to_csv(self._partial, mode="a", index=False, header=not self._begun, quoting=csv.QUOTE_NONNUMERIC)
        self._begun = True

    def _write_parquet(self, frame: pd.DataFrame) -> None:
        import pyarrow as pa
        import pyarrow.parquet as pq

        table = pa.Table.from_pandas(frame, preserve_index=False)
        if self._parquet is None:
            self._parquet = pq.ParquetWriter(self._partial, table.schema)
        self._parquet.write_table(table)
