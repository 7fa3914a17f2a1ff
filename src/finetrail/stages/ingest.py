"""Stage `ingest`: bring the labelled data of any source into Parquet shards and a manifest."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from finetrail.data.sources.columns import Tell
from finetrail.data.sources.place import Source
from finetrail.data.store.corrections import read_corrections, say
from finetrail.data.store.raw import Row, smallest_hashes, write_rows
from finetrail.progress import Track, quiet
from finetrail.workspace import Workspace, replacing, write_json


@dataclass(frozen=True)
class Ingested:
    """What `ingest` did.

    Attributes:
        rows: by official split (`all` where the source has none).
        notes: how files were read, what was passed over, and what became of corrections.
    """

    rows: dict[str, int]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Rows:
    """The rows of a source, read again on each iteration, so that memory need not hold them."""

    source: Source
    root: Path
    track: Track
    tell: Tell

    def __iter__(self) -> Iterator[Row]:
        yield from self.track(self.source.read(self.root, self.tell), total=None, what="reading rows")


def ingest(workspace: Workspace, source: Source, track: Track = quiet) -> Ingested:
    """Write `data/raw`: reads the source and data/corrections.csv, writes `part-*.parquet` and `manifest.parquet`.

    Where there are corrections, it writes corrections.json too. Memory holds one batch of contents at a time, however
    many rows there are.

    Raises:
        SourceError: a source or a correction cannot be used.
    """
    labels, columns = source.labels, source.columns
    corrections = read_corrections(
        workspace.corrections, lambda where, cell: labels.from_cell(where, cell, columns), labels.key
    )
    notes: list[str] = []
    rows: Iterable[Row] = _Rows(source, workspace.root, track, notes.append)
    if source.limit:
        rows = smallest_hashes(rows, dict(source.limit.items()))
    with replacing(workspace.raw) as folder:
        counts = write_rows(rows, folder, source.content, labels, corrections.apply, metadata=source.columns.metadata)
        if corrections.by_id:
            applied = corrections.applied()
            write_json(folder / workspace.corrected.name, applied)
            notes += say(applied)
    return Ingested(dict(sorted(counts.items())), tuple(dict.fromkeys(notes)))  # with a limit, it reads twice
