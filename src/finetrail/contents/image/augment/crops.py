"""Random parts and mirror images of training images. One generator draws everything for a batch."""

import math

import numpy as np

from finetrail.contents.image.preprocessing import Preprocessing
from finetrail.contents.image.views import Pixels, cut

TRIES = 10
RATIO = (3 / 4, 4 / 3)


def plain(images: list[Pixels], size: int) -> Pixels:
    """Views (S, S, 3) as one batch (B, S, S, 3)."""
    batch = np.empty((len(images), size, size, 3), dtype=np.uint8)
    for row, image in zip(batch, images, strict=True):
        row[:] = image
    return batch


def padded(images: list[Pixels], size: int, padding: int, generator: np.random.Generator) -> Pixels:
    """A random window of each view (S, S, 3) with a black border around it: (B, S, S, 3)."""
    batch = np.zeros((len(images), size, size, 3), dtype=np.uint8)
    # Where the window's corner lies, seen from the image's: up to `padding` pixels to either side.
    corners = generator.integers(-padding, padding, size=(len(images), 2), endpoint=True).tolist()
    for row, image, (top, left) in zip(batch, images, corners, strict=True):
        inside = image[max(top, 0) : max(size + top, 0), max(left, 0) : max(size + left, 0)]
        row[max(-top, 0) : max(size - top, 0), max(-left, 0) : max(size - left, 0)] = inside
    return batch


def random_resized(
    images: list[Pixels], min_area: float, preprocessing: Preprocessing, generator: np.random.Generator
) -> Pixels:
    """A random part of each image (H, W, 3), resized to (S, S): (B, S, S, 3). Szegedy et al. 2014."""
    sizes = np.array([image.shape[:2] for image in images])
    boxes = random_boxes(sizes, min_area, generator)
    return np.stack([cut(image, box, preprocessing) for image, box in zip(images, boxes, strict=True)])


def mirror(batch: Pixels, generator: np.random.Generator) -> Pixels:
    """Mirror each image of a batch (B, S, S, 3) with probability 1/2, in place."""
    for number in np.flatnonzero(generator.random(len(batch)) < 0.5):
        batch[number] = batch[number, :, ::-1].copy()
    return batch


def random_boxes(sizes: np.ndarray, min_area: float, generator: np.random.Generator) -> list[tuple[int, int, int, int]]:
    """Left, top, right, bottom of a part of each image; sizes (B, 2): height, width.

    Area and ratio are drawn anew until the part fits, ten times at most; else it is the largest centre of a fair ratio.
    """
    count = len(sizes)
    areas = generator.uniform(min_area, 1, (count, TRIES)) * sizes.prod(axis=1, keepdims=True)
    ratios = np.exp(generator.uniform(math.log(RATIO[0]), math.log(RATIO[1]), (count, TRIES)))
    places = generator.random((count, 2))
    heights = np.rint(np.sqrt(areas / ratios)).astype(np.int64).clip(1)
    widths = np.rint(np.sqrt(areas * ratios)).astype(np.int64).clip(1)
    fits = (heights <= sizes[:, :1]) & (widths <= sizes[:, 1:])
    boxes = []
    for row, (height, width) in enumerate(sizes.tolist()):
        if fits[row].any():
            first = int(fits[row].argmax())
            tall, wide = int(heights[row, first]), int(widths[row, first])
            top, left = (int(places[row, 0] * (height - tall + 1)), int(places[row, 1] * (width - wide + 1)))
        else:
            tall = min(height, max(1, round(width / RATIO[0])))
            wide = min(width, max(1, round(height * RATIO[1])))
            top, left = (height - tall) // 2, (width - wide) // 2
        boxes.append((left, top, left + wide, top + tall))
    return boxes
