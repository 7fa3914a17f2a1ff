"""The ingested rows as they lie on disk: Parquet shards, and a manifest with one row an example."""

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from finetrail.workspace import need

if TYPE_CHECKING:
    import pandas as pd

ROWS_A_SHARD = 50_000


@dataclass(frozen=True)
class Row:
    """One labelled example as a source gives it.

    Attributes:
        source: the file it comes from, for messages.
        row: its 1-based number among the file's rows (the line, for JSONL).
        split: the official split, `train`, `val` or `test`, if the source has one.
    """

    source: str
    row: int
    text: str | None
    label: str | None
    split: str | None = None
    group: str | None = None

    @property
    def sha256(self) -> str | None:
        """The hash of the content: of the text alone, so that equal texts with different labels meet."""
        return None if self.text is None else hashlib.sha256(self.text.encode("utf-8", "surrogatepass")).hexdigest()


def smallest_hashes(rows: Iterable[Row], limits: dict[str, int]) -> list[Row]:
    """Keep at most `limits[split]` rows of each official split (`all` for rows without one), in their order.

    The rows with the smallest content hashes stay: a sample that looks random and does not change when rows are added
    at the end or shuffled, unlike "the first N".
    """
    rows = list(rows)
    ranked: dict[str, list[tuple[str, int]]] = {}
    for index, row in enumerate(rows):
        ranked.setdefault(row.split or "all", []).append((row.sha256 or "", index))
    kept = {index for name, keys in ranked.items() for _, index in sorted(keys)[: limits.get(name, len(keys))]}
    return [row for index, row in enumerate(rows) if index in kept]


def write_rows(rows: Iterable[Row], folder: Path) -> Counter[str]:
    """Write shards and manifest; return the number of rows of each official split (`all` without one)."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    seen: Counter[str] = Counter()
    counts: Counter[str] = Counter()
    manifest: list[dict[str, object]] = []
    for number, shard in enumerate(_chunks(rows, ROWS_A_SHARD)):
        table: list[dict[str, object]] = []
        for row in shard:
            digest = row.sha256
            key = (digest or hashlib.sha256(f"{row.source}:{row.row}".encode()).hexdigest())[:16]
            identity = key if seen[key] == 0 else f"{key}-{seen[key]}"
            seen[key] += 1
            counts[row.split or "all"] += 1
            shared: dict[str, object] = {"id": identity, "split": row.split, "label": row.label, "group": row.group}
            table.append(shared | {"text": row.text})
            sizes: dict[str, object] = {"characters": None, "words": None} if row.text is None else _sizes(row.text)
            manifest.append(shared | {"source": row.source, "row": row.row, "sha256": digest} | sizes)
        text = pa.schema([(name, pa.string()) for name in ("id", "text", "label", "split", "group")])
        pq.write_table(pa.Table.from_pylist(table, text), folder / f"part-{number:05d}.parquet", compression="zstd")
    strings = [(name, pa.string()) for name in ("id", "source", "split", "label", "group", "sha256")]
    numbers = [(name, pa.int64()) for name in ("row", "characters", "words")]
    pq.write_table(
        pa.Table.from_pylist(manifest, pa.schema(strings + numbers)), folder / "manifest.parquet", compression="zstd"
    )
    return counts


def read_manifest(raw: Path) -> "pd.DataFrame":
    """The manifest: id, source, row, split, label, group, sha256, characters, words."""
    return _read([need(raw / "manifest.parquet", "ingest")])


def read_rows(raw: Path) -> "pd.DataFrame":
    """The examples, in the manifest's order: id, text, label, split, group."""
    need(raw / "manifest.parquet", "ingest")
    return _read(sorted(raw.glob("part-*.parquet")))


def read_split(folder: Path) -> "pd.DataFrame":
    """The examples of one split, in the order of their ids: id, text, label, group."""
    return _read(sorted(need(folder, "split").glob("part-*.parquet")))


def _read(files: list[Path]) -> "pd.DataFrame":
    import pyarrow as pa
    import pyarrow.parquet as pq

    frame: pd.DataFrame = pa.concat_tables([pq.read_table(file) for file in files]).to_pandas()
    return frame


def _sizes(text: str) -> dict[str, object]:
    return {"characters": len(text), "words": len(text.split())}


def _chunks(rows: Iterable[Row], size: int) -> Iterator[list[Row]]:
    chunk: list[Row] = []
    for row in rows:
        chunk.append(row)
        if len(chunk) == size:
            yield chunk
            chunk = []
    if chunk:
        yield chunk
