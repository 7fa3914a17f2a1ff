"""From an encoded image to the pixels that a backbone gets, one image at a time."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from finetrail.contents.image.decode import decode
from finetrail.contents.image.preprocessing import Preprocessing

Pixels = NDArray[np.uint8]
"""An image (H, W, 3) in RGB, or images (B, H, W, 3)."""

DETAIL = 2
"""An image for random crops keeps a shorter side of at most so many times `resize`: no crop needs more."""
LONGEST = 4
"""An image longer than so many shorter sides is cut before the resize; the centre crop is far inside."""


def evaluation_view(data: bytes, preprocessing: Preprocessing) -> Pixels:
    """Decode, resize the shorter side, and cut out the centre: (S, S, 3).

    Raises:
        ImageError: the bytes are not a whole image.
    """
    return centre(decode(data), preprocessing)


def whole_view(data: bytes, preprocessing: Preprocessing) -> Pixels:
    """Decode, and shrink what is larger than any crop needs: (H, W, 3) with `whole_shape` as H and W."""
    image = decode(data)
    height, width = whole_shape(image.height, image.width, preprocessing)
    if (height, width) != (image.height, image.width):
        image = image.resize((width, height), resampling(preprocessing))
    return np.asarray(image)


def whole_shape(height: int, width: int, preprocessing: Preprocessing) -> tuple[int, int]:
    """Height and width of the `whole_view` of an image of this size."""
    shorter = min(height, width)
    most = DETAIL * preprocessing.resize
    if shorter <= most:
        return height, width
    return round(height * most / shorter), round(width * most / shorter)


def centre(image: Image.Image, preprocessing: Preprocessing) -> Pixels:
    """The evaluation view (S, S, 3) of an image."""
    shorter, longer = sorted(image.size)
    if longer > LONGEST * shorter:
        # Else a line of a thousand pixels would become an image of a million.
        image = _cut_centre(image, min(image.width, LONGEST * shorter), min(image.height, LONGEST * shorter))
    size = preprocessing.resize
    if shorter != size:
        # As torchvision rounds, so that a backbone sees what it was measured with.
        width, height = (
            (size, size * image.height // image.width)
            if image.width <= image.height
            else (size * image.width // image.height, size)
        )
        image = image.resize((width, height), resampling(preprocessing))
    return np.asarray(_cut_centre(image, preprocessing.image_size, preprocessing.image_size))


def cut(image: Pixels, box: tuple[int, int, int, int], preprocessing: Preprocessing) -> Pixels:
    """A part of an image (H, W, 3), resized to (S, S, 3). Args: box: left, top, right, bottom."""
    size = preprocessing.image_size
    return np.asarray(Image.fromarray(image).resize((size, size), resampling(preprocessing), box=box))


def resampling(preprocessing: Preprocessing) -> Image.Resampling:
    """Pillow's name for the interpolation."""
    return Image.Resampling[preprocessing.interpolation.upper()]


def _cut_centre(image: Image.Image, width: int, height: int) -> Image.Image:
    left, top = round((image.width - width) / 2), round((image.height - height) / 2)
    return image if (width, height) == image.size else image.crop((left, top, left + width, top + height))
