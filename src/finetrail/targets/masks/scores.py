"""How well masks agree, as sums over images: every metric of resampled images comes from them.

IoU, Dice and accuracy are of all pixels of the images together, as PASCAL VOC counts them, and not means over images.
The boundary F1 (Csurka, Larlus & Perronnin, BMVC 2013) is a mean over the images that have a boundary of the class.
Averages over classes leave out those that neither the labels nor the answers have.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from finetrail.targets.masks.raster import IGNORED, Pixels

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
TOLERANCE = 0.0075
"""How far apart two boundaries may lie, as a share of the diagonal of the image."""


def image_facts(actual: Pixels, answer: Pixels, classes: int) -> Floats:
    """The facts of an image (5 K,): pixels of each class in both, in the label, in the answer; boundary F1; 1 if any.

    Args:
        actual, answer: class numbers (H, W); where `actual` is `IGNORED`, nothing counts.
    """
    counts = confusion_of(actual, answer, classes)
    boundary = np.zeros((2, classes))
    for number in np.flatnonzero(counts.sum(axis=0) + counts.sum(axis=1)).tolist():
        value = boundary_f1(actual == number, answer == number, actual == IGNORED)
        boundary[:, number] = (0, 0) if value is None else (value, 1)
    return np.concatenate([np.diagonal(counts), counts.sum(axis=1), counts.sum(axis=0), *boundary]).astype(np.float64)


def confusion_of(actual: Pixels, answer: Pixels, classes: int) -> Ints:
    """How many pixels of each class got which (K, K)."""
    counts = actual != IGNORED
    pairs = actual[counts].astype(np.int64) * classes + answer[counts]
    return np.bincount(pairs, minlength=classes**2).reshape(classes, classes)


def boundary_f1(actual: NDArray[np.bool_], answer: NDArray[np.bool_], ignored: NDArray[np.bool_]) -> float | None:
    """F1 of the boundary of a class (H, W); None where neither has one."""
    from scipy.spatial import cKDTree

    drawn, found = (_boundary(one, ignored) for one in (actual, answer))
    if not len(drawn) and not len(found):
        return None
    if not len(drawn) or not len(found):
        return 0.0
    most = TOLERANCE * float(np.hypot(*actual.shape))
    near = [
        float((cKDTree(there).query(here, distance_upper_bound=most * (1 + 1e-9))[0] <= most).mean())
        for here, there in ((found, drawn), (drawn, found))
    ]
    return 2 * near[0] * near[1] / (near[0] + near[1]) if sum(near) else 0.0


def _boundary(where: NDArray[np.bool_], ignored: NDArray[np.bool_]) -> Ints:
    """The pixels (n, 2) of an area that lie beside one that is known not to be of it."""
    other = np.pad(~where & ~ignored, 1)
    beside = other[:-2, 1:-1] | other[2:, 1:-1] | other[1:-1, :-2] | other[1:-1, 2:]
    return np.argwhere(where & ~ignored & beside)


@dataclass(frozen=True)
class ByClass:
    """How well each class agrees, arrays (R, K). Attributes: there: in labels or answers; bounded: has a boundary."""

    iou: Floats
    dice: Floats
    precision: Floats
    recall: Floats
    boundary: Floats
    pixels: Floats
    there: NDArray[np.bool_]
    bounded: NDArray[np.bool_]


def by_class(facts: Floats, drawn: Ints) -> ByClass:
    """Args: facts: (D, 5 K); drawn: (R, D)."""
    both, actual, answered, boundary, images = np.split(drawn @ facts, 5, axis=1)
    return ByClass(
        iou=both / np.maximum(1, actual + answered - both),
        dice=2 * both / np.maximum(1, actual + answered),
        precision=both / np.maximum(1, answered),
        recall=both / np.maximum(1, actual),
        boundary=boundary / np.maximum(1, images),
        pixels=actual,
        there=actual + answered > 0,
        bounded=images > 0,
    )


def scores(facts: Floats, drawn: Ints) -> dict[str, Floats]:
    """Every metric (R,). Args: see `by_class`."""
    found = by_class(facts, drawn)
    right = (found.recall * found.pixels).sum(axis=1)
    return {
        "boundary_f1": _mean(found.boundary, found.bounded),
        "pixel_accuracy": right / np.maximum(1, found.pixels.sum(axis=1)),
        "dice": _mean(found.dice, found.there),
        "mean_iou": _mean(found.iou, found.there),
    }


def image_ious(facts: Floats) -> Floats:
    """The mean IoU of each image alone (n,); 1 where all its pixels are ignored."""
    both, actual, answered = np.split(facts, 5, axis=1)[:3]
    there = actual + answered > 0
    found = _mean(both / np.maximum(1, actual + answered - both), there)
    return np.where(there.any(axis=1), found, 1.0)


def class_ious(facts: Floats) -> tuple[NDArray[np.bool_], Floats]:
    """Which classes the label of each image has (n, K), and the IoU of each (n, K)."""
    both, actual, answered = np.split(facts, 5, axis=1)[:3]
    return actual > 0, both / np.maximum(1, actual + answered - both)


def _mean(values: Floats, there: NDArray[np.bool_]) -> Floats:
    """The mean over classes that are there (R,), from (R, K); 0 where none is."""
    found: Floats = (values * there).sum(axis=1) / np.maximum(1, there.sum(axis=1))
    return found


def nearest(pixels: Pixels, width: int, height: int) -> Pixels:
    """An image of numbers (H, W) in another size."""
    if pixels.shape == (height, width):
        return pixels
    down, across = ((np.arange(side) + 0.5) * of / side for side, of in zip((height, width), pixels.shape, strict=True))
    return pixels[np.ix_(down.astype(np.int64), across.astype(np.int64))]
