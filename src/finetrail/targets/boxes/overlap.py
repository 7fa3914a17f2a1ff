"""How far boxes, or masks, overlap."""

import numpy as np
from numpy.typing import NDArray

from finetrail.targets.boxes.reading import Box

Floats = NDArray[np.float64]


def areas(boxes: Floats) -> Floats:
    """The areas (n,) of boxes (n, 4)."""
    found: Floats = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
    return found


def overlaps(found: Floats, drawn: Floats, crowd: NDArray[np.bool_]) -> Floats:
    """Intersection over union (n, m); of a crowd, over the area of the found box: it may be any part of it.

    Args:
        found: boxes (n, 4); drawn: boxes (m, 4).
        crowd: which of `drawn` are one (m,).
    """
    low = np.maximum(found[:, None, :2], drawn[None, :, :2])
    high = np.minimum(found[:, None, 2:], drawn[None, :, 2:])
    shared = np.clip(high - low, 0, None).prod(axis=2)
    own = areas(found)[:, None]
    union = np.where(crowd[None, :], own, own + areas(drawn)[None, :] - shared)
    shares: Floats = np.divide(shared, union, out=np.zeros_like(shared), where=union > 0)
    return shares


def overlap_of(one: Box, other: Box) -> float:
    """Intersection over union of two boxes."""
    first, second = (np.array([box[1:5]], dtype=np.float64) for box in (one, other))
    return float(overlaps(first, second, np.zeros(1, np.bool_))[0, 0])


def mask_overlaps(
    found: NDArray[np.object_], drawn: NDArray[np.object_], crowd: NDArray[np.bool_], size: tuple[int, int]
) -> tuple[Floats, Floats, Floats]:
    """The same of masks as COCO's compressed run lengths (n, m), and the areas of both (n,), (m,).

    Args:
        size: width and height of the image that all are of.
    """
    from faster_coco_eval.core import mask as rle

    ours, theirs = (
        [{"size": [size[1], size[0]], "counts": counts.encode("ascii")} for counts in masks.tolist()]
        for masks in (found, drawn)
    )
    shared = rle.iou(ours, theirs, crowd.tolist()) if ours and theirs else []
    own, other = (np.asarray(rle.area(masks) if masks else [], dtype=np.float64) for masks in (ours, theirs))
    return np.asarray(shared, dtype=np.float64).reshape(len(ours), len(theirs)), own, other
