"""Ingested images as they lie on disk, with facts that a test may choose."""

import hashlib
import io
import random
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image

from finetrail.workspace import Workspace

SHARD = ("id", "label", "split", "group")
STRINGS = ("id", "source", "split", "label", "label_text", "group", "sha256")
LOOKS = ("mode", "format", "perceptual_hash", "error")
NUMBERS = ("row", "bytes", "width", "height")


@dataclass(frozen=True)
class ImageRow:
    """One row. Attributes: number: which image; version: which file of it; turned: bits of its hash, counted from the
    first one, that differ from those of version 0.
    """

    number: int | None
    label: str | None
    version: int = 0
    turned: tuple[int, ...] = ()
    split: str | None = None
    group: str | None = None
    width: int = 8
    height: int = 8
    mode: str = "RGB"
    contrast: float = 50.0
    error: str | None = None

    @property
    def data(self) -> bytes | None:
        return None if self.number is None else encoded(self.number, self.version)

    @property
    def perceptual_hash(self) -> str:
        bits = random.Random(self.number).getrandbits(256)  # noqa: S311
        for bit in self.turned:
            bits ^= 1 << 255 - bit
        return f"{bits:064x}"

    @property
    def id(self) -> str:
        """As `ingest` gives it to the first row of a file."""
        return hashlib.sha256(self.data or b"").hexdigest()[:16]


@cache
def encoded(number: int, version: int) -> bytes:
    pixels = random.Random(f"{number} {version}").randbytes(3 * 64)  # noqa: S311
    stream = io.BytesIO()
    Image.frombytes("RGB", (8, 8), pixels).save(stream, "PNG")
    return stream.getvalue()


def write_images(root: Path, images: Sequence[ImageRow], rows_a_shard: int = 50) -> Workspace:
    """A workspace whose `data/raw` holds these rows, each from a file of its own."""
    space = Workspace(root)
    space.raw.mkdir(parents=True, exist_ok=True)
    manifest: list[dict[str, Any]] = []
    rows: list[dict[str, Any]] = []
    seen: dict[str, int] = {}
    for number, image in enumerate(images, start=1):
        data, source = image.data, f"{image.split or 'all'}/{image.label}/{number:04d}.png"
        digest = None if data is None else hashlib.sha256(data).hexdigest()
        key = (digest or hashlib.sha256(source.encode()).hexdigest())[:16]
        again = seen[key] = seen.get(key, -1) + 1
        own = {"id": f"{key}-{again}" if again else key, "label": image.label, "split": image.split}
        own["group"] = image.group
        facts: dict[str, Any] = {"bytes": data and len(data), "error": image.error}
        if data is not None and image.error is None:
            facts |= {"width": image.width, "height": image.height, "mode": image.mode, "format": "PNG"}
            facts |= {"contrast": image.contrast, "perceptual_hash": image.perceptual_hash}
        rows.append(own | {"image": data})
        manifest.append(own | {"source": source, "row": number, "sha256": digest} | facts)
    shards = pa.schema([*[(name, pa.string()) for name in SHARD], ("image", pa.binary())])
    for part, start in enumerate(range(0, len(rows), rows_a_shard)):
        table = pa.Table.from_pylist(rows[start : start + rows_a_shard], shards)
        pq.write_table(table, space.raw / f"part-{part:05d}.parquet")
    columns = [*[(name, pa.string()) for name in (*STRINGS, *LOOKS)], *[(name, pa.int64()) for name in NUMBERS]]
    pq.write_table(pa.Table.from_pylist(manifest, pa.schema([*columns, ("contrast", pa.float64())])), space.manifest)
    return space
