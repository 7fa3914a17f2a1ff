"""Random crops that keep objects, as SSD draws them (Liu et al. 2016)."""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
OVERLAPS = (0.0, 0.1, 0.3, 0.5, 0.7, 0.9)
"""The least overlap of a crop with an object, one of which is drawn, or that the image stays whole."""
RATIO = (0.5, 2.0)
"""Width to height of a crop, as shares of the image's."""
TRIES = 40


def iou_crop(size: NDArray[np.int64], boxes: Floats, least: float, generator: np.random.Generator) -> Floats:
    """A part of an image, xyxy (4,), that has the middle of an object in it and overlaps one enough; else all of it.

    Args:
        size: width and height of the image.
        boxes: of its objects (n, 4).
        least: the smallest share of width and of height that a crop has.
    """
    chosen = int(generator.integers(len(OVERLAPS) + 1))
    sides = generator.uniform(least, 1, (TRIES, 2))
    low = generator.random((TRIES, 2)) * (1 - sides)
    whole = np.array([0.0, 0.0, *size])
    if chosen == len(OVERLAPS) or not len(boxes):
        return whole
    crops = np.concatenate([low, low + sides], axis=1) * np.tile(size, 2)  # (T, 4)
    ratio = sides[:, 0] / sides[:, 1]
    middle = (boxes[:, :2] + boxes[:, 2:]) / 2
    within = np.all((middle > crops[:, None, :2]) & (middle < crops[:, None, 2:]), axis=2)  # (T, n)
    shared = _shared(crops, boxes)
    fits = (ratio > RATIO[0]) & (ratio < RATIO[1]) & within.any(axis=1)
    fits &= np.where(within, shared, 0).max(axis=1) >= OVERLAPS[chosen]
    return crops[fits.argmax()] if fits.any() else whole


def _shared(crops: Floats, boxes: Floats) -> Floats:
    """Intersection over union (T, n)."""
    low = np.maximum(crops[:, None, :2], boxes[:, :2])
    high = np.minimum(crops[:, None, 2:], boxes[:, 2:])
    inside = (high - low).clip(0).prod(axis=2)
    own, theirs = ((one[:, 2:] - one[:, :2]).prod(axis=1) for one in (crops, boxes))
    found: Floats = inside / (own[:, None] + theirs - inside)
    return found
