"""Random labels and answers, and their scores by other libraries."""

import contextlib
import io
from collections.abc import Sequence
from typing import Any

import numpy as np

from finetrail.targets.boxes.codec import BoxCodec
from finetrail.targets.boxes.detections import BoxAnswers, Detections
from finetrail.targets.boxes.reading import Annotation, Box

CLASSES = ("cell", "dust", "grain")
CODEC = BoxCodec(CLASSES, threshold=0.4)
SIZE = 300
NEW_HEADS = ("fcos", "retinanet", "faster_rcnn", "ssdlite")
"""Detectors that start on any backbone with maps."""


def boxes(generator: np.random.Generator, count: int) -> np.ndarray:
    """Boxes of 2 to 150 pixels a side (count, 4), at whole and half pixels, so that some overlaps are equal."""
    sides = generator.integers(4, 300, (count, 2)) / 2
    corners = generator.integers(0, 300, (count, 2)) / 2
    return np.concatenate([corners, corners + sides], axis=1)


def drawn_images(seed: int, images: int, crowds: float = 0.1) -> tuple[list[Annotation], BoxAnswers]:
    """Labels, and answers of which some are near the label's boxes.

    Many scores of different images are equal. In one image none are: of its copies in a resample, COCO would take such
    boxes by turns.
    """
    generator = np.random.default_rng(seed)
    labels, found = [], []
    for _ in range(images):
        truth = boxes(generator, int(generator.integers(0, 9)))
        names = generator.integers(0, len(CLASSES), len(truth))
        is_crowd = generator.random(len(truth)) < crowds
        labels.append(
            Annotation.of(
                Box(CLASSES[name], box[0], box[1], box[2], box[3], bool(crowd))
                for name, box, crowd in zip(names.tolist(), truth.tolist(), is_crowd, strict=True)
            )
        )
        again = generator.integers(0, len(truth), 2 * len(truth)) if len(truth) else np.zeros(0, np.int64)
        near = truth[again] + generator.integers(-12, 13, (len(again), 4)) / 2
        near[:, 2:] = np.maximum(near[:, 2:], near[:, :2] + 1)
        others = boxes(generator, int(generator.integers(0, 6)))
        classes = np.concatenate([names[again], generator.integers(0, len(CLASSES), len(others))])
        wrong = generator.random(len(classes)) < 0.2
        classes = np.where(wrong, generator.integers(0, len(CLASSES), len(classes)), classes)
        scores = generator.choice(np.arange(5, 100), len(classes), replace=False) / 100
        order = np.argsort(-scores, kind="stable")
        all_boxes = np.concatenate([near, others])[order]
        found.append(
            Detections(
                all_boxes.astype(np.float32),
                classes[order].astype(np.int64),
                scores[order].astype(np.float32),
                (SIZE, SIZE),
            )
        )
    return labels, CODEC.answered(found)


def as_coco(
    labels: Sequence[Annotation], answers: BoxAnswers, times: Sequence[int]
) -> tuple[dict[str, Any], list[Any]]:
    """The images, each as often as `times` says, as COCO's JSON and as results."""
    images: list[Any] = []
    truths: list[Any] = []
    results: list[Any] = []
    for label, one, count in zip(labels, answers.found, times, strict=True):
        for _ in range(count):
            number = len(images) + 1
            images.append({"id": number, "width": SIZE, "height": SIZE})
            for box in label:
                wide, high = box["xmax"] - box["xmin"], box["ymax"] - box["ymin"]
                truths.append(
                    {
                        "id": len(truths) + 1,
                        "image_id": number,
                        "category_id": CLASSES.index(box["label"]) + 1,
                        "bbox": [box["xmin"], box["ymin"], wide, high],
                        "area": wide * high,
                        "iscrowd": int(box["crowd"]),
                    }
                )
            for corners, name, score in zip(one.boxes.tolist(), one.classes.tolist(), one.scores.tolist(), strict=True):
                left, top, right, bottom = corners
                results.append(
                    {
                        "image_id": number,
                        "category_id": name + 1,
                        "bbox": [left, top, right - left, bottom - top],
                        "score": score,
                    }
                )
    categories = [{"id": place + 1, "name": name} for place, name in enumerate(CLASSES)]
    return {"images": images, "annotations": truths, "categories": categories, "info": {}}, results


def pycoco_stats(truth: dict[str, Any], results: list[Any], kind: str = "bbox") -> np.ndarray:
    """The twelve numbers of pycocotools."""
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval

    with contextlib.redirect_stdout(io.StringIO()):
        known = COCO()
        known.dataset = truth
        known.createIndex()
        scored = COCOeval(known, known.loadRes(results), kind)
        scored.evaluate()
        scored.accumulate()
        scored.summarize()
    return np.asarray(scored.stats)


def faster_stats(truth: dict[str, Any], results: list[Any], kind: str = "bbox") -> np.ndarray:
    """The same of faster-coco-eval."""
    from faster_coco_eval import COCO, COCOeval_faster

    known = COCO(truth)
    scored = COCOeval_faster(known, known.loadRes(results), kind, print_function=lambda *_: None)
    scored.run()
    return np.asarray(scored.stats)
