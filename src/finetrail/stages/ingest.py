"""Stage `ingest`: bring the labelled data of any source into Parquet shards and a manifest."""

from collections.abc import Iterable
from dataclasses import dataclass

from finetrail.data.raw import Row, smallest_hashes, write_rows
from finetrail.data.sources import Source, read_source
from finetrail.progress import Track, quiet
from finetrail.workspace import Workspace, replacing


@dataclass(frozen=True)
class Ingested:
    """What `ingest` did: rows by official split (`all` where the source has none)."""

    rows: dict[str, int]


def ingest(workspace: Workspace, source: Source, track: Track = quiet) -> Ingested:
    """Write `data/raw`: reads the source, writes `part-*.parquet` and `manifest.parquet`."""
    rows: Iterable[Row] = track(read_source(source, workspace.root), total=None, what="reading rows")
    if source.limit:
        rows = smallest_hashes(rows, dict(source.limit.items()))
    with replacing(workspace.raw) as folder:
        counts = write_rows(rows, folder)
    return Ingested(dict(sorted(counts.items())))
