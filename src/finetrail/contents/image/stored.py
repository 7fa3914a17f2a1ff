"""Encoded images as the content of rows: what the manifest says of each."""

import math
import os
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import dataclass, field
from threading import Lock
from typing import TYPE_CHECKING, Any, Literal

from finetrail.contents.image.decode import upright
from finetrail.contents.image.perceptual import SIDE, perceptual_hashes
from finetrail.data.image_files import open_image, orientation
from finetrail.data.store.content import Absent, Kind
from finetrail.errors import ImageError

if TYPE_CHECKING:
    import pyarrow as pa
    from PIL.Image import Image

FACTS: dict[str, Kind] = {
    "bytes": "int64",
    "width": "int64",
    "height": "int64",
    "mode": "string",
    "format": "string",
    "contrast": "float64",
    "perceptual_hash": "string",
    "error": "string",
}
# A decoder lets other threads run, but the code around it does not: with small images threads only wait for each other.
BYTES_THAT_PAY_A_THREAD = 16 * 1024
THREADS = 4
LARGE = 16_000_000  # pixels; such images take up to a gigabyte each, so only one is decoded at a time
_ONE_LARGE = Lock()
ENOUGH = (
    256  # pixels of a side that contrast and hash are measured on; a large JPEG is decoded at an eighth of its size
)


@dataclass(frozen=True)
class StoredImages:
    """Describes images by size, mode and format as stored, contrast and perceptual hash, or by why decoding fails.

    Width and height are those of the upright image, in pixels; `mode` is Pillow's. `contrast` is the standard
    deviation of the grey values 0..255: 0 is a blank image.

    Attributes:
        threaded: a batch is decoded in threads if its images have at least this many bytes on average.
    """

    column: str = "image"
    compression: Literal["zstd", "none"] = "none"
    facts: Mapping[str, Kind] = field(default_factory=lambda: dict(FACTS))
    threaded: int = BYTES_THAT_PAY_A_THREAD

    def arrow(self) -> "pa.DataType":
        import pyarrow as pa

        return pa.binary()

    def describe(self, contents: Sequence[bytes | Absent | None]) -> list[dict[str, object]]:
        """Decode each image once. Only the small grey images stay in memory."""
        import numpy as np

        sizes = [len(data) for data in contents if isinstance(data, bytes)]
        threads = min(THREADS, os.cpu_count() or 1)
        if sizes and sum(sizes) / len(sizes) >= self.threaded and threads > 1:
            with ThreadPoolExecutor(threads) as pool:
                looked = list(pool.map(_look, contents))
        else:
            looked = [_look(data) for data in contents]
        small = [grey for _, grey in looked if grey is not None]
        greys = np.frombuffer(b"".join(small), np.uint8).reshape(-1, SIDE, SIDE)
        hashes = iter(perceptual_hashes(greys))
        return [facts if grey is None else facts | {"perceptual_hash": next(hashes)} for facts, grey in looked]


IMAGES = StoredImages()


def _look(data: bytes | Absent | None) -> tuple[dict[str, object], bytes | None]:
    """The facts without the hash, and the small grey image that the hash is made of."""
    facts: dict[str, object] = dict.fromkeys(FACTS)
    if isinstance(data, Absent):
        return facts | {"error": str(data)}, None
    if data is None:
        return facts, None
    facts["bytes"] = len(data)
    try:
        opened = open_image(data)
        kind, mode, size = opened.format, opened.mode, opened.size
        opened.draft("", (ENOUGH, ENOUGH))
        reduced = opened.size != size
        with _ONE_LARGE if opened.width * opened.height > LARGE else nullcontext():
            image = upright(opened)
    except ImageError as error:
        return facts | {"error": str(error)}, None
    width, height = (size if orientation(opened) < 5 else size[::-1]) if reduced else image.size
    grey = image.convert("L")
    facts |= {"width": width, "height": height, "mode": mode, "contrast": _contrast(grey)}
    facts["format"] = "JPEG" if kind == "MPO" else kind  # several JPEGs in one file, as some cameras write them
    return facts, _small(grey)


def _contrast(grey: "Image") -> float:
    import numpy as np

    # In whole numbers, so that a blank image is exactly 0.
    counts = np.array(grey.histogram(), np.int64)
    total, first, second = (int(sum_) for sum_ in counts @ np.arange(256)[:, None] ** np.arange(3))
    return math.sqrt(total * second - first**2) / total


def _small(grey: "Image") -> bytes:
    from PIL import Image

    pixels: Any = grey if grey.size == (SIDE, SIDE) else grey.resize((SIDE, SIDE), Image.Resampling.BILINEAR)
    return bytes(pixels.tobytes())
