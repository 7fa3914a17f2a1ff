"""Regions as pixels and back. Images are (H, W) with a class number for each pixel."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from faster_coco_eval.core import mask as rle
from numpy.typing import NDArray

from finetrail.targets.masks.label import BACKGROUND, Region, mask_label, objects_in, regions_of

IGNORED = 255
"""The number of pixels that are neither learnt nor scored. So there are at most 255 classes."""

Pixels = NDArray[np.uint8]
Where = NDArray[np.bool_]


def counts_of(where: Where) -> str:
    """Pixels (H, W) as COCO's compressed run lengths."""
    found: bytes = rle.encode(np.asfortranarray(where, dtype=np.uint8))["counts"]
    return found.decode("ascii")


def counts_of_lengths(lengths: Sequence[int], width: int, height: int) -> str:
    """The same of run lengths that are not compressed. Raises: ValueError: they are not of so many pixels."""
    if sum(lengths) != width * height:
        raise ValueError(f"the run lengths are of {sum(lengths)} pixels, but the image has {width * height}")
    return counts_of(pixels_of(_compressed(lengths, width, height), width, height))


def counts_of_polygons(polygons: Sequence[Sequence[float]], width: int, height: int) -> str:
    """The same of the pixels in any of some polygons x, y, x, y, ... What is outside of the image is cut off."""
    bounds = np.array([width, height])
    # The library allocates memory by the lengths of the edges.
    near = [np.clip(np.reshape(one, (-1, 2)), -bounds, 2 * bounds).ravel().tolist() for one in polygons]
    found: bytes = rle.merge(rle.frPyObjects(near, height, width))["counts"]
    return found.decode("ascii")


def pixels_of(counts: str, width: int, height: int) -> Where:
    """The pixels (H, W) of run lengths. Raises: ValueError: they are not of so many pixels."""
    decoded: NDArray[np.uint8] = rle.decode({"size": [height, width], "counts": counts.encode("ascii")})
    return decoded.astype(np.bool_)


def areas_of(regions: Sequence[Region], width: int, height: int) -> list[int]:
    """How many pixels each region has."""
    given = [{"size": [height, width], "counts": region.counts.encode("ascii")} for region in regions]
    return [int(area) for area in rle.area(given)] if given else []


def covered(label: Any) -> float:
    """The share of the pixels of a label that are of a class beside the background."""
    pixels = label["width"] * label["height"]
    return _union(objects_in(label), label["width"], label["height"]) / pixels if pixels else 0.0


def has_background(label: Any) -> bool:
    """Whether a label has pixels that no region covers."""
    width, height = label["width"], label["height"]
    return bool(_union(regions_of(label), width, height) < width * height)


def _union(regions: Sequence[Region], width: int, height: int) -> int:
    """How many pixels are in any region."""
    given = [{"size": [height, width], "counts": region.counts.encode("ascii")} for region in regions]
    return int(rle.area(rle.merge(given))) if given else 0


def label_of(numbers: NDArray[Any], names: Mapping[int, str | None]) -> dict[str, Any]:
    """The label of an image of numbers, a region for each that it has.

    Args:
        numbers: (H, W).
        names: classes by number; None for pixels to ignore. Pixels of `BACKGROUND` need no region.
    """
    height, width = numbers.shape
    # Run lengths go down the columns. All numbers share one search for the places where they change.
    flat = numbers.ravel(order="F")
    starts = np.concatenate([[0], np.flatnonzero(flat[1:] != flat[:-1]) + 1])
    ends = np.append(starts[1:], flat.size)
    values = flat[starts]
    regions = []
    for number in np.unique(values).tolist():
        if names[number] != BACKGROUND:
            runs = values == number
            edges = np.stack([starts[runs], ends[runs]], axis=1).ravel()
            rest = flat.size - int(edges[-1])
            lengths = [*np.diff(edges, prepend=0).tolist(), *([rest] if rest else [])]
            regions.append(Region(names[number], _compressed(lengths, width, height)))
    return mask_label(width, height, regions)


def _compressed(lengths: Sequence[int], width: int, height: int) -> str:
    """COCO's compressed run lengths."""
    given = {"size": [height, width], "counts": list(lengths)}
    found: bytes = rle.frPyObjects(given, height, width)["counts"]
    return found.decode("ascii")


def numbers_of(label: Any, classes: Sequence[str]) -> Pixels:
    """The image of a label (H, W): numbers in `classes`, `IGNORED` where it says so or the class is not among them."""
    number = {name: place for place, name in enumerate(classes)}
    width, height = int(label["width"]), int(label["height"])
    numbers = np.full((height, width), number.get(BACKGROUND, IGNORED), dtype=np.uint8)
    for region in regions_of(label):
        value = IGNORED if region.label is None else number.get(region.label, IGNORED)
        numbers[pixels_of(region.counts, width, height)] = value
    return numbers
