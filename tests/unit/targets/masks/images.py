"""Small masks as image files."""

import io
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from finetrail.data.store.raw import Row
from finetrail.sections import sections
from finetrail.tasks.registry import get_task

NUMBERS = np.zeros((4, 6), np.uint8)
NUMBERS[1:3, 1:3] = 1
NUMBERS[0, 5] = 2
CLASSES = ["background", "cell", "dust"]
PALETTE = {"background": [0, 0, 0], "cell": [255, 0, 0], "dust": [0, 0, 255]}


def encoded(pixels: np.ndarray, form: str = "PNG", mode: str | None = None, **options: Any) -> bytes:
    """Args: mode: Pillow's, to convert into; for `P` the values stay as they are."""
    image = Image.fromarray(pixels)
    if mode == "P":
        image.putpalette([value for number in range(256) for value in (255 - number, number, 0)])
    elif mode is not None:
        image = image.convert(mode)
    file = io.BytesIO()
    image.save(file, form, **options)
    return file.getvalue()


def coloured(numbers: np.ndarray) -> np.ndarray:
    colours: np.ndarray = np.array(list(PALETTE.values()), np.uint8)[numbers]
    return colours


def photo(turned: int = 1, size: tuple[int, int] = (6, 4)) -> bytes:
    """Args: turned: the EXIF orientation of the file; size: width and height upright."""
    exif = Image.Exif()
    exif[0x0112] = turned
    stored = size[::-1] if turned > 4 else size
    file = io.BytesIO()
    Image.linear_gradient("L").resize(stored).save(file, "JPEG", exif=exif)
    return file.getvalue()


def read(path: Path | str, split: str | None = None, **columns: Any) -> tuple[list[Row], list[str]]:
    """The rows of a source, and what was told."""
    told: list[str] = []
    source: Any = sections(get_task("image-segmentation")).model_fields["source"].annotation
    place = {"path": str(path)} if split is None else {"splits": {split: str(path)}}
    return list(source(**place, columns=columns).read(Path(), told.append)), told
