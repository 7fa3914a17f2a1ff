"""What is kept of the outputs for an image: the class of each pixel of its canvas as runs, and how sure they are."""

import numpy as np
from numpy.typing import NDArray

from finetrail.models.placements import Placements
from finetrail.targets.masks.raster import Pixels

Floats = NDArray[np.float32]


def written(loss: float, numbers: Pixels, sure: Floats) -> Floats:
    """An image as one array: its loss, how sure each row and each column is, and a number and a length for each run.

    Args:
        numbers: class numbers (H, W), row by row; lengths are exact up to 2^24 pixels.
        sure: their probabilities (H, W).
    """
    flat = numbers.ravel()
    starts = np.concatenate([[0], np.flatnonzero(flat[1:] != flat[:-1]) + 1])
    runs = np.stack([flat[starts], np.diff(starts, append=flat.size)], axis=1)
    return np.concatenate([[loss], sure.mean(axis=1), sure.mean(axis=0), runs.ravel()], dtype=np.float32)


def numbers_in(kept: Floats, canvas: tuple[int, int]) -> Pixels:
    """The class numbers (H, W)."""
    numbers, lengths = kept[1 + sum(canvas) :].reshape(-1, 2).astype(np.int64).T
    return np.repeat(numbers.astype(np.uint8), lengths).reshape(canvas[::-1])


def confidence_in(kept: Floats, placed: Placements, row: int) -> float:
    """The mean probability of the pixels of an image that fills its canvas one way, from its upper left corner."""
    width, height = placed.canvas
    across, down = np.rint(placed.scale[row] * placed.sizes[row]).astype(int).tolist()
    rows, columns = np.split(kept[1 : 1 + width + height], [height])
    return float((rows[:down] if across == width else columns[:across]).mean())
