"""Masks of objects as boxes that have a mask each, and back."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from faster_coco_eval.core import mask as rle

from finetrail.targets.boxes.detections import Detections
from finetrail.targets.masks.label import Region, regions_of
from finetrail.targets.masks.raster import counts_of
from finetrail.targets.masks.reading import Mask


def objects_of(label: Mapping[str, Any], classes: Sequence[str]) -> list[dict[str, Any]]:
    """The regions of a mask as boxes around them, each with its pixels as `counts`.

    Pixels to ignore become a crowd of each class: no model is asked to find it, and finding it is no mistake.
    """
    found = []
    for region in regions_of(label):
        left, top, wide, high = rle.toBbox(
            {"size": [label["height"], label["width"]], "counts": region.counts.encode("ascii")}
        ).tolist()
        box = {"xmin": left, "ymin": top, "xmax": left + wide, "ymax": top + high, "counts": region.counts}
        crowd = region.crowd or region.label is None
        names = classes if region.label is None else (region.label,)
        found += [{"label": name, **box, "crowd": crowd} for name in names]
    return found


def label_of(found: Detections, classes: Sequence[str]) -> Mask:
    """Found masks as a label."""
    assert found.masks is not None  # noqa: S101 - of a detector that draws masks
    regions = zip(found.classes.tolist(), found.masks.tolist(), strict=True)
    return Mask.of(*found.size, [Region(classes[number], counts) for number, counts in regions])


def filled(found: Detections, size: tuple[int, int]) -> Detections:
    """Boxes as masks of an image, each with all of its pixels. Args: size: width and height of the image."""
    width, height = size
    masks = []
    for left, top, right, bottom in np.rint(found.boxes).astype(np.int64).clip(0).tolist():
        pixels = np.zeros((height, width), dtype=np.bool_)
        pixels[top:bottom, left:right] = True
        masks.append(counts_of(pixels))
    return Detections(found.boxes, found.classes, found.scores, size, np.array(masks, dtype=np.object_))
