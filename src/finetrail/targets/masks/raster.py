"""Regions as pixels and back. Images are (H, W) with a class number for each pixel."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from faster_coco_eval.core import mask as rle
from numpy.typing import NDArray

from finetrail.targets.masks.label import BACKGROUND, Region, mask_label, regions_of

IGNORED = 255
"""The number of pixels that are neither learnt nor scored. So there are at most 255 classes."""

Pixels = NDArray[np.uint8]
Where = NDArray[np.bool_]


def counts_of(where: Where) -> str:
    """Pixels (H, W) as COCO's compressed run lengths."""
    found: bytes = rle.encode(np.asfortranarray(where, dtype=np.uint8))["counts"]
    return found.decode("ascii")


def pixels_of(counts: str, width: int, height: int) -> Where:
    """The pixels (H, W) of run lengths."""
    decoded: NDArray[np.uint8] = rle.decode({"size": [height, width], "counts": counts.encode("ascii")})
    return decoded.astype(np.bool_)


def label_of(numbers: Pixels, names: Mapping[int, str | None]) -> dict[str, Any]:
    """The label of an image of numbers, a region for each that it has.

    Args:
        numbers: (H, W).
        names: classes by number; None for pixels to ignore. Pixels of `BACKGROUND` need no region.
    """
    present = [int(number) for number in np.unique(numbers) if names[int(number)] != BACKGROUND]
    regions = [Region(names[number], counts_of(numbers == number)) for number in present]
    return mask_label(numbers.shape[1], numbers.shape[0], regions)


def numbers_of(label: Any, classes: Sequence[str]) -> Pixels:
    """The image of a label (H, W): numbers in `classes`, `IGNORED` where it says so or the class is not among them."""
    number = {name: place for place, name in enumerate(classes)}
    width, height = int(label["width"]), int(label["height"])
    numbers = np.full((height, width), number.get(BACKGROUND, IGNORED), dtype=np.uint8)
    for region in regions_of(label):
        value = IGNORED if region.label is None else number.get(region.label, IGNORED)
        numbers[pixels_of(region.counts, width, height)] = value
    return numbers
