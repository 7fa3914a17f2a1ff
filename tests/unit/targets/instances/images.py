"""Random masks of objects and answers to them."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from finetrail.targets.boxes.detections import BoxAnswers
from finetrail.targets.boxes.reading import Annotation
from finetrail.targets.instances.codec import InstanceCodec
from finetrail.targets.masks.label import Region
from finetrail.targets.masks.raster import areas_of, counts_of
from finetrail.targets.masks.reading import Mask
from tests.unit.targets.boxes.images import CLASSES, SIZE, as_coco, drawn_images

CODEC = InstanceCodec(CLASSES, threshold=0.4)


def drawn_masks(seed: int, images: int, crowds: float = 0.1) -> tuple[list[Mask], BoxAnswers]:
    """Labels, and answers of which some are near them: boxes, of which many lack a corner."""
    generator = np.random.default_rng(seed)
    boxes, answers = drawn_images(seed, images, crowds)
    labels = []
    for label in boxes:
        corners = [[box[name] for name in ("xmin", "ymin", "xmax", "ymax")] for box in label]
        regions = [
            Region(box["label"], counts, box["crowd"])
            for box, counts in zip(label, pixels(generator, corners), strict=True)
        ]
        labels.append(Mask.of(SIZE, SIZE, regions))
    found = [
        replace(one, masks=np.array(pixels(generator, one.boxes.tolist()), dtype=np.object_)) for one in answers.found
    ]
    return labels, CODEC.answered(found)


def pixels(generator: np.random.Generator, boxes: Sequence[Sequence[float]]) -> list[str]:
    """The run lengths of boxes, of which many lack a corner."""
    found = []
    for box in boxes:
        left, top, right, bottom = np.clip(np.rint(box), 0, SIZE).astype(int).tolist()
        mask = np.zeros((SIZE, SIZE), dtype=np.bool_)
        mask[top : max(bottom, top + 1), left : max(right, left + 1)] = True
        if generator.random() < 0.7:
            mask[top : (top + bottom) // 2, left : (2 * left + right) // 3] = False
        found.append(counts_of(mask))
    return found


def masks_as_coco(
    labels: Sequence[Mask], answers: BoxAnswers, times: Sequence[int]
) -> tuple[dict[str, Any], list[Any]]:
    """As `as_coco`, with masks."""
    objects = [Annotation(map(dict, CODEC.judge.objects(label))) for label in labels]
    truth, results = as_coco(objects, answers, times)
    own = [one["counts"] for label, count in zip(objects, times, strict=True) for one in [*label] * count]
    found = [mask for one, count in zip(answers.found, times, strict=True) for mask in [*np.asarray(one.masks)] * count]
    for group, masks in ((truth["annotations"], own), (results, found)):
        areas = areas_of([Region("", mask) for mask in masks], SIZE, SIZE)
        for one, mask, area in zip(group, masks, areas, strict=True):
            one["segmentation"], one["area"] = {"size": [SIZE, SIZE], "counts": mask}, area
    return truth, results
