"""Masks inside of boxes as masks of images."""

import numpy as np
from numpy.typing import NDArray

from finetrail.targets.masks.raster import Where

SURE = 0.5
"""How likely a pixel belongs to an object, from which it is part of its mask."""
Floats = NDArray[np.float64]


def pasted(shares: NDArray[np.floating], box: Floats, size: tuple[int, int]) -> Where:
    """The pixels (H, W) of an image that a mask covers, between whose parts it is interpolated.

    Args:
        shares: how likely each part of the box belongs to the object (S, S).
        box: xyxy in pixels of the image, whose edges it may cross; one that is not finite has no pixels.
        size: width and height of the image.
    """
    found = np.zeros(size[::-1], dtype=np.bool_)
    if not np.isfinite(box).all():
        return found
    (left, right), across = _weights(box[0], box[2], size[0], shares.shape[1])
    (top, bottom), down = _weights(box[1], box[3], size[1], shares.shape[0])
    found[top:bottom, left:right] = down @ shares.astype(np.float64) @ across.T > SURE
    return found


def _weights(low: float, high: float, pixels: int, parts: int) -> tuple[tuple[int, int], Floats]:
    """The pixels in a box along an axis, from and to, and how much each part says of each of them (n, parts)."""
    start, stop = int(np.clip(np.floor(low), 0, pixels)), int(np.clip(np.ceil(high), 0, pixels))
    middles = (np.arange(start, stop) + 0.5 - low) / (high - low) * parts - 0.5
    return (start, stop), np.clip(1 - np.abs(middles[:, None] - np.arange(parts)), 0, None)
