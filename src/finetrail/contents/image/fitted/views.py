"""From whole images to canvases of one size, with the places of the images on them."""

import numpy as np
from numpy.typing import NDArray

from finetrail.contents.image.decode import decode
from finetrail.contents.image.preprocessing import Preprocessing
from finetrail.contents.image.views import Pixels, resampling
from finetrail.models.placements import Placements

Sizes = NDArray[np.int64]


def fitted_view(data: bytes, preprocessing: Preprocessing) -> Pixels:
    """Decode, and resize so that the image fills the canvas in width or height: (H, W, 3).

    Raises:
        ImageError: the bytes are not a whole image.
    """
    image = decode(data)
    width, height = fitted_size(image.width, image.height, preprocessing)
    if (width, height) != image.size:
        image = image.resize((width, height), resampling(preprocessing))
    return np.asarray(image)


def fitted_size(width: float, height: float, preprocessing: Preprocessing) -> tuple[int, int]:
    """Width and height of the largest image of this shape on the canvas; or of one that is stretched to all of it."""
    most, tallest = preprocessing.canvas
    if preprocessing.stretch:
        return most, tallest
    if width * tallest >= height * most:
        return most, max(1, round(height * most / width))
    return max(1, round(width * tallest / height)), tallest


def plain(images: list[Pixels], sizes: Sizes, preprocessing: Preprocessing) -> tuple[Pixels, Placements]:
    """Canvases (B, H, W, 3) with each fitted image in the upper left corner."""
    canvases = empty(len(images), preprocessing)
    for canvas, image in zip(canvases, images, strict=True):
        canvas[: image.shape[0], : image.shape[1]] = image
    return canvases, placements_of(sizes, preprocessing)


def placements_of(sizes: Sizes, preprocessing: Preprocessing) -> Placements:
    """Where whole images lie. Args: sizes: width and height of each upright image (B, 2)."""
    fitted = np.array([fitted_size(width, height, preprocessing) for width, height in sizes.tolist()], dtype=np.float64)
    return Placements(fitted.reshape(-1, 2) / sizes, np.zeros((len(sizes), 2)), sizes, preprocessing.canvas)


def empty(count: int, preprocessing: Preprocessing) -> Pixels:
    """Canvases without an image."""
    canvases = np.empty((count, *preprocessing.canvas[::-1], 3), dtype=np.uint8)
    canvases[:] = paint(preprocessing)
    return canvases


def paint(preprocessing: Preprocessing) -> tuple[int, int, int]:
    """The colour that the backbone takes for 0."""
    red, green, blue = np.rint(255 * np.array(preprocessing.mean)).astype(int).tolist()
    return red, green, blue
