"""Which found boxes are objects, as COCO's evaluation decides (Lin et al. 2014), for one image.

The surest box goes first, and takes the free object that it overlaps most. An object that is a crowd, or whose area is
out of range, is ignored: no box is asked to find it, and a box that has only that to take is ignored too. Areas are
those of the boxes, or of the masks where they were found.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from finetrail.targets.boxes.detections import Detections
from finetrail.targets.boxes.overlap import Floats, areas, mask_overlaps, overlaps
from finetrail.targets.boxes.reading import boxes_of
from finetrail.targets.boxes.sizes import AREAS

OVERLAPS = np.linspace(0.5, 0.95, 10)
"""Intersections over union from which a box counts as found."""
Masks = NDArray[np.bool_]


@dataclass(frozen=True)
class Objects:
    """Objects in an image. Attributes: boxes: (m, 4); crowd: (m,); masks: run lengths, or None (m,)."""

    boxes: NDArray[np.float64]
    crowd: Masks
    masks: NDArray[np.object_]

    @staticmethod
    def of(label: Sequence[Mapping[str, Any]]) -> "Objects":
        """The objects of a label."""
        boxes = boxes_of(label)
        masks = np.array([one.get("counts") for one in label], dtype=np.object_)
        corners = np.array([box[1:5] for box in boxes], dtype=np.float64).reshape(-1, 4)
        return Objects(corners, np.array([box.crowd for box in boxes], dtype=np.bool_), masks)


@dataclass(frozen=True)
class Matched:
    """Boxes of one class in an image, for A ranges of areas and T overlaps.

    Attributes:
        objects: how many there are to find (A,).
        hit: whether each box took an object (A, T, n).
        ignored: whether it counts neither as right nor as wrong (A, T, n).
    """

    objects: NDArray[np.int64]
    hit: Masks
    ignored: Masks


def objects_of(label: Sequence[Mapping[str, Any]], classes: Sequence[str]) -> list[Objects]:
    """The objects of each class, and at the end of all that the model does not know."""
    by_class: list[list[Any]] = [[] for _ in range(len(classes) + 1)]
    number = {name: place for place, name in enumerate(classes)}
    for one in label:
        by_class[number.get(one["label"], len(classes))].append(one)
    return list(map(Objects.of, by_class))


def shared_areas(found: Detections, objects: Objects) -> tuple[Floats, Floats, Floats]:
    """How far found boxes, or masks, overlap objects (n, m), and the areas of both (n,), (m,)."""
    if found.masks is not None:
        return mask_overlaps(found.masks, objects.masks, objects.crowd, found.size)
    boxes = found.boxes.astype(np.float64)
    return overlaps(boxes, objects.boxes, objects.crowd), areas(boxes), areas(objects.boxes)


def match(found: Detections, objects: Objects) -> Matched:
    """Match the found boxes of one class, the surest first, with its objects."""
    shared, sizes, own = shared_areas(found, objects)
    low, high = np.array(list(AREAS.values())).T[:, :, None]
    out = objects.crowd | (own < low) | (own > high)  # (A, m)
    shape = (len(AREAS), len(OVERLAPS), len(found))
    hit, ignored = np.zeros(shape, np.bool_), np.zeros(shape, np.bool_)
    taken = np.zeros((*shape[:2], len(own)), np.bool_)
    for place in np.flatnonzero((shared >= OVERLAPS[0]).any(axis=1)).tolist():
        free = (shared[place] >= OVERLAPS[:, None]) & (~taken | objects.crowd)  # (A, T, m)
        # Ignored objects are only for those that find no other.
        wanted = free & ~out[:, None]
        wanted = np.where(wanted.any(axis=2, keepdims=True), wanted, free)
        some = wanted.any(axis=2)
        value = np.where(wanted, shared[place], -1.0)
        best = value.shape[2] - 1 - value[:, :, ::-1].argmax(axis=2)  # of equal ones the last, as COCO has it
        hit[:, :, place] = some
        ignored[:, :, place] = some & np.take_along_axis(out, best, axis=1)
        area, overlap = np.nonzero(some)
        taken[area, overlap, best[area, overlap]] = True
    ignored |= ~hit & ((sizes < low) | (sizes > high))[:, None]
    return Matched((~out).sum(axis=1), hit, ignored)
