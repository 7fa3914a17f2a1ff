"""COCO's average precision and recall on resampled images: each image is matched once, and counts as often as drawn.

With every image drawn once they are those of pycocotools; with any numbers, those of pycocotools on as many copies.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from finetrail.targets.boxes.facts import Facts
from finetrail.targets.boxes.matching import OVERLAPS
from finetrail.targets.boxes.sizes import AREAS

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
RECALLS = np.linspace(0.0, 1.0, 101)
"""Where precision is read off."""
BLOCK = 4_000_000
"""Boxes times resamples at once."""


def scores(facts: Floats, drawn: Ints) -> dict[str, Floats]:
    """The metrics of all areas (R,). Args: facts: (D, S); drawn: (R, D)."""
    read = Facts.read(facts)
    parts = [_scores(read, part) for part in _blocks(drawn, len(read.scores))]
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def _scores(facts: Facts, drawn: Ints) -> dict[str, Floats]:
    precision, recall, there = by_class(facts, drawn, 0)
    return {
        "f1": f1(facts, drawn),
        "mar_100": mean_there(recall.mean(axis=2), there),
        "map_75": mean_there(precision[:, :, 5], there),
        "map_50": mean_there(precision[:, :, 0], there),
        "map": mean_there(precision.mean(axis=2), there),
    }


def of_area(facts: Floats, drawn: Ints, area: str) -> tuple[Floats, Floats]:
    """MAP and AR of a range of areas (R,); NaN where there is nothing to find."""
    read, place = Facts.read(facts), list(AREAS).index(area)
    found = []
    for part in _blocks(drawn, len(read.scores)):
        precision, recall, there = by_class(read, part, place)
        none = ~there.any(axis=1)
        means = [mean_there(values.mean(axis=2), there) for values in (precision, recall)]
        found.append(np.where(none, np.nan, np.stack(means)))
    whole = np.concatenate(found, axis=1)
    return whole[0], whole[1]


def by_class(facts: Facts, drawn: Ints, area: int) -> tuple[Floats, Floats, NDArray[np.bool_]]:
    """Average precision (R, K, T), recall of all boxes (R, K, T), and whether there is anything to find (R, K)."""
    objects = drawn @ facts.objects[:, :, area]  # (R, K)
    precision = np.zeros((*objects.shape, len(OVERLAPS)))
    recall = np.zeros_like(precision)
    for number in range(objects.shape[1]):
        own = np.flatnonzero(facts.classes == number)
        times = drawn[:, facts.image[own]]  # (R, N)
        all_ = np.cumsum(times, axis=1)
        for overlap in range(len(OVERLAPS)):
            hit, ignored = (mask[own] for mask in facts.masks(area, overlap))
            counted = np.cumsum(times * ~ignored, axis=1) if ignored.any() else all_
            places = np.flatnonzero(hit & ~ignored)
            right = np.cumsum(times[:, places], axis=1)
            precision[:, number, overlap] = _average(right, counted[:, places], objects[:, number])
            if len(places):
                recall[:, number, overlap] = right[:, -1] / np.maximum(1, objects[:, number])
    return precision, recall, objects > 0


def _average(right: Ints, counted: Ints, objects: Ints) -> Floats:
    """The mean (R,) of the highest precision at each of `RECALLS` or beyond.

    Args:
        right, counted: hits and boxes up to each hit (R, P).
        objects: to find (R,).
    """
    if not right.shape[1]:
        return np.zeros(len(right))
    precision = right / np.maximum(1, counted)
    highest = np.maximum.accumulate(precision[:, ::-1], axis=1)[:, ::-1]
    reached = np.searchsorted(RECALLS, right / np.maximum(1, objects)[:, None], side="right")
    reached = np.minimum(reached, len(RECALLS))
    new = np.diff(reached, axis=1, prepend=0)
    found: Floats = (highest * new).sum(axis=1) / len(RECALLS)
    return found


def f1(facts: Facts, drawn: Ints) -> Floats:
    """F1 of the boxes that are answers (R,), at the lowest overlap; 1 where there is nothing to find and no answer."""
    hit, ignored = facts.masks(0, 0)
    counts = facts.given & ~ignored
    right = _drawn(drawn, facts.image[counts & hit])
    answers = _drawn(drawn, facts.image[counts])
    objects = drawn @ facts.objects[:, :, 0].sum(axis=1)
    all_ = answers + objects
    return np.where(all_ > 0, 2 * right / np.maximum(1, all_), 1.0)


def class_f1s(facts: Facts) -> tuple[NDArray[np.bool_], Floats]:
    """Which classes there are to find in each image (n, K), and the F1 of the answers of each class (n, K)."""
    hit, ignored = facts.masks(0, 0)
    counts = facts.given & ~ignored
    objects = facts.objects[:, :-1, 0]

    def counted(boxes: NDArray[np.bool_]) -> Ints:
        places = facts.image[boxes] * objects.shape[1] + facts.classes[boxes]
        return np.bincount(places, minlength=objects.size).reshape(objects.shape)

    all_ = counted(counts) + objects
    return objects > 0, np.where(all_ > 0, 2 * counted(counts & hit) / np.maximum(1, all_), 1.0)


def mean_there(values: Floats, there: NDArray[np.bool_]) -> Floats:
    """The mean over classes that are there (R,), from (R, K); 0 where none is."""
    found: Floats = (values * there).sum(axis=1) / np.maximum(1, there.sum(axis=1))
    return found


def _drawn(drawn: Ints, images: Ints) -> Ints:
    """How often boxes of these images were drawn in all (R,)."""
    counts: Ints = drawn @ np.bincount(images, minlength=drawn.shape[1])
    return counts


def _blocks(drawn: Ints, boxes: int) -> Iterator[Ints]:
    size = max(1, BLOCK // max(1, boxes))
    for start in range(0, len(drawn), size):
        yield drawn[start : start + size]
