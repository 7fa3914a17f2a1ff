"""The ingested rows on disk: Parquet shards, and a manifest with one row per example."""

import hashlib
import heapq
import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from finetrail.data.store.content import Absent, StoredContent, StoredLabel, batches
from finetrail.data.store.shards import A_SHARD, METADATA, Most, ShardWriter, schema_of, to_frame
from finetrail.errors import SourceError
from finetrail.workspace import need

if TYPE_CHECKING:
    import pandas as pd

A_BATCH = Most(2_000, 32 * 2**20)
IDENTITY = ("id", "source", "row", "split", "label", "label_text", "group", "sha256")


class Unreadable(str):
    """A source's value that is not a label of its kind: the row is kept, and a rule finds it."""

    __slots__ = ()


@dataclass(frozen=True)
class Row:
    """One labelled example from a source.

    Attributes:
        source: the file it comes from, for messages; for an image of a folder or an archive, the member's name.
        row: its 1-based number among the file's rows (for JSONL, the line).
        content: a text, texts by column, turns, or the encoded bytes of an image; None or `Absent` if it is missing.
        label: as its kind of target reads it; None if it is missing, or `Unreadable`.
        split: the official split, `train`, `val` or `test`, if the source has one.
        metadata: what else is known of it, by column.
    """

    source: str
    row: int
    content: Any
    label: Any
    split: str | None = None
    group: str | None = None
    metadata: Mapping[str, str | None] = field(default_factory=dict)

    @property
    def sha256(self) -> str | None:
        """The hash of the content alone, so that equal contents with different labels match."""
        content = self.content
        if content is None or isinstance(content, Absent):
            return None
        if isinstance(content, dict | list):
            content = json.dumps(content, ensure_ascii=False)
        data = content.encode("utf-8", "surrogatepass") if isinstance(content, str) else content
        return hashlib.sha256(data).hexdigest()


def smallest_hashes(rows: Iterable[Row], limits: Mapping[str, int]) -> Iterator[Row]:
    """Keep at most `limits[split]` rows of each official split (`all` for rows without one), in their order.

    The rows with the smallest content hashes stay: unlike "the first N", a sample that looks random and does not change
    when rows are added at the end or shuffled.

    Args:
        rows: iterated twice, first for the hashes and then for the rows, so that no content is held.

    Raises:
        SourceError: the source yielded other rows the second time.
    """
    largest: dict[str, list[tuple[int, int]]] = {}  # heaps of negated keys: the largest hash is on top
    for index, row in enumerate(rows):
        split = row.split or "all"
        if split in limits:
            heap = largest.setdefault(split, [])
            key = (-int(row.sha256 or "0", 16), -index)
            if len(heap) < limits[split]:
                heapq.heappush(heap, key)
            elif heap:
                heapq.heappushpop(heap, key)
    kept = {-index: -digest for heap in largest.values() for digest, index in heap}
    for index, row in enumerate(rows):
        if (row.split or "all") not in limits:
            yield row
        elif index in kept:
            if int(row.sha256 or "0", 16) != kept[index]:
                raise SourceError(f"{row.source}, row {row.row}: changed while it was read; start again")
            yield row


@dataclass(frozen=True)
class _Named:
    """A row with its id. Attributes: sha256: of its content."""

    id: str
    sha256: str | None
    row: Row

    @property
    def content(self) -> Any:
        return self.row.content


Correct = Callable[[str, Any], tuple[bool, Any]]
"""Takes a row's id and its label; says whether the row stays, and with which label."""


def write_rows(
    rows: Iterable[Row],
    folder: Path,
    content: StoredContent,
    label: StoredLabel,
    correct: Correct | None = None,
    *,
    metadata: Sequence[str] = (),
    batch_of: Most = A_BATCH,
    shard_of: Most = A_SHARD,
) -> Counter[str]:
    """Write shards and manifest; return the number of rows of each official split (`all` without one).

    Holds the contents of one batch at a time.

    Args:
        correct: see `finetrail.data.store.corrections`.
        metadata: the columns that the rows have besides; none makes no column of the shards.
        batch_of, shard_of: the most to write at once, and the most in a shard.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    strings = ("split", "group", *(f"{METADATA}{name}" for name in metadata))
    shards = schema_of(
        {"id": "string", content.column: content.arrow(), "label": label.arrow(), **dict.fromkeys(strings, "string")}
    )
    kinds = dict.fromkeys(IDENTITY, "string") | {"row": "int64"} | dict(content.facts) | dict(label.facts)
    manifest = schema_of({**kinds, "label": label.arrow()})
    counts: Counter[str] = Counter()
    with (
        ShardWriter(folder, shards, content.column, content.compression, shard_of) as writer,
        pq.ParquetWriter(folder / "manifest.parquet", manifest, compression="zstd") as listing,
    ):
        for batch in batches(_named(rows, correct), *batch_of):
            table: list[dict[str, Any]] = []
            entries: list[dict[str, Any]] = []
            contents = [one.content for one in batch]
            labels = [None if isinstance(one.row.label, Unreadable) else one.row.label for one in batch]
            described = zip(content.describe(contents), label.describe(labels, contents), strict=True)
            for one, known, (facts, more) in zip(batch, labels, described, strict=True):
                row = one.row
                counts[row.split or "all"] += 1
                own = {"id": one.id, "split": row.split, "label": known, "group": row.group}
                text = str(row.label) if isinstance(row.label, Unreadable) else None
                held = None if isinstance(row.content, Absent) else row.content
                besides = {f"{METADATA}{name}": value for name, value in row.metadata.items()}
                table.append(own | besides | {content.column: held})
                where = {"source": row.source, "row": row.row, "sha256": one.sha256, "label_text": text}
                entries.append(own | where | facts | more)
            writer.write(pa.Table.from_pylist(table, shards))
            listing.write_table(pa.Table.from_pylist(entries, manifest))
    return counts


def _named(rows: Iterable[Row], correct: Correct | None) -> Iterator[_Named]:
    """The rows that stay, with their ids, which are the same whatever is corrected."""
    seen: Counter[str] = Counter()
    for row in rows:
        digest = row.sha256
        key = (digest or hashlib.sha256(f"{row.source}:{row.row}".encode()).hexdigest())[:16]
        identity = key if seen[key] == 0 else f"{key}-{seen[key]}"
        seen[key] += 1
        stays, label = (True, row.label) if correct is None else correct(identity, row.label)
        if stays:
            yield _Named(identity, digest, row if label is row.label else replace(row, label=label))


def read_manifest(raw: Path) -> "pd.DataFrame":
    """Read the manifest: id, source, row, split, label, label_text, group, sha256, and facts of content and label."""
    import pyarrow.parquet as pq

    return to_frame(pq.read_table(need(raw / "manifest.parquet", "ingest")))


def keyed(manifest: "pd.DataFrame", key: Callable[[Any], str]) -> "pd.DataFrame":
    """Return the manifest with each label as its key; an unreadable one stays as in its source.

    Args:
        key: makes the string that equal labels share.
    """
    import pandas as pd

    if not {"label", "label_text"} <= set(manifest):
        return manifest  # the schema rule reports what is missing
    try:
        labels = [
            text if is_null(label) else key(label)
            for label, text in zip(manifest["label"], manifest["label_text"], strict=True)
        ]
    except TypeError:
        return manifest  # labels of another kind: the schema rule finds that the column does not hold strings
    return manifest.assign(label=pd.Series(labels, index=manifest.index, dtype="str"))


def is_null(label: Any) -> bool:
    """Whether a label of the manifest is missing."""
    return label is None or (isinstance(label, float) and label != label)  # noqa: PLR0124 (NaN)
