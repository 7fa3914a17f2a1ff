"""The masks in COCO's JSON: polygons, run lengths and crowds."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from finetrail.data.sources import coco
from finetrail.data.sources.columns import Record, Tell
from finetrail.data.sources.tables import silent
from finetrail.errors import SourceError
from finetrail.targets.masks.reading import Mask, region_of

_LEAST = 1.0
"""Pixels by which a polygon may reach out of its image: tools round."""


def mask_of(listed: coco.Listed) -> Mask:
    """The mask of an image. Raises: SourceError: the file does not say its size, or what pixels an annotation has."""
    if listed.size is None:
        raise SourceError(f"{listed.where} has no width and height, but polygons and run lengths need both; write them")
    regions, outside = [], 0.0
    for one in listed.annotations:
        given = one.part("segmentation")
        regions.append(region_of(one.where, one.category, given, listed.size, bool(one.value.get("iscrowd"))))
        if not isinstance(given, Mapping):
            outside = max(outside, *(_reach(polygon, listed.size) for polygon in given))
    faults = {"outside_image": f"by {outside:g} pixels"} if outside > _LEAST else None
    return Mask.of(*listed.size, regions, faults)


def coco_records(path: Path, columns: Any, tell: Tell = silent) -> Iterator[Record]:
    """See `finetrail.data.sources.coco.coco_records`."""
    return coco.coco_records(path, columns, mask_of)


def _reach(polygon: list[float], size: tuple[int, int]) -> float:
    """By how many pixels a polygon x, y, x, y, ... reaches out of its image."""
    xs, ys = polygon[0::2], polygon[1::2]
    return max(-min(xs), -min(ys), max(xs) - size[0], max(ys) - size[1], 0.0)
