"""From whole images to canvases of one size, with the places of the images on them."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from finetrail.contents.image.decode import decode
from finetrail.contents.image.fitted.settings import PlacedAugment
from finetrail.contents.image.preprocessing import Preprocessing
from finetrail.contents.image.views import Pixels, resampling
from finetrail.models.placements import Placements

Sizes = NDArray[np.int64]


def fitted_view(data: bytes, preprocessing: Preprocessing) -> Pixels:
    """Decode, and resize so that the longer side fills the canvas: (H, W, 3).

    Raises:
        ImageError: the bytes are not a whole image.
    """
    image = decode(data)
    width, height = fitted_size(image.width, image.height, preprocessing)
    if (width, height) != image.size:
        image = image.resize((width, height), resampling(preprocessing))
    return np.asarray(image)


def fitted_size(width: int, height: int, preprocessing: Preprocessing) -> tuple[int, int]:
    """Width and height of an image whose longer side fills the canvas; or each side does."""
    canvas = preprocessing.image_size
    if preprocessing.stretch:
        return canvas, canvas
    longer = max(width, height)
    return max(1, round(width * canvas / longer)), max(1, round(height * canvas / longer))


def plain(images: list[Pixels], sizes: Sizes, preprocessing: Preprocessing) -> tuple[Pixels, Placements]:
    """Canvases (B, S, S, 3) with each fitted image in the upper left corner."""
    canvases = _empty(len(images), preprocessing)
    for canvas, image in zip(canvases, images, strict=True):
        canvas[: image.shape[0], : image.shape[1]] = image
    return canvases, placements_of(sizes, preprocessing)


def placements_of(sizes: Sizes, preprocessing: Preprocessing) -> Placements:
    """Where whole images lie. Args: sizes: width and height of each upright image (B, 2)."""
    size = preprocessing.image_size
    fitted = np.array([fitted_size(width, height, preprocessing) for width, height in sizes.tolist()], dtype=np.float64)
    return Placements(fitted.reshape(-1, 2) / sizes, np.zeros((len(sizes), 2)), sizes, (size, size))


def varied(
    images: list[Pixels],
    sizes: Sizes,
    augment: PlacedAugment,
    preprocessing: Preprocessing,
    generator: np.random.Generator,
) -> tuple[Pixels, Placements]:
    """Canvases (B, S, S, 3) with each image as `augment` says. One generator draws everything for a batch."""
    size, count = preprocessing.image_size, len(images)
    factors = generator.uniform(*(augment.scale or (1.0, 1.0)), count)
    places = generator.random((count, 2)) if augment.scale else np.zeros((count, 2))
    colors = generator.uniform(1 - augment.color, 1 + augment.color, (count, 3)).tolist()
    mirrored = generator.random((count, 2)) < 0.5
    mirrored &= [augment.flip != "none", augment.flip == "both"]
    canvases = _empty(count, preprocessing)
    scale, shift = np.empty((count, 2)), np.empty((count, 2))
    for row, image in enumerate(images):
        fitted = np.array([image.shape[1], image.shape[0]])
        target = np.maximum(1, np.rint(fitted * factors[row])).astype(np.int64)
        shown = np.minimum(target, size)
        # Where the image is larger than the canvas a part of it is shown; where it is smaller it lies anywhere.
        corner = np.rint(places[row] * (size - target)).astype(np.int64)
        first, start = np.maximum(0, -corner), np.maximum(0, corner)
        part = _part(image, first * fitted / target, (first + shown) * fitted / target, shown, preprocessing)
        part = _colored(part, colors[row]) if augment.color else part
        pixels = np.asarray(part)[:: -1 if mirrored[row, 1] else 1, :: -1 if mirrored[row, 0] else 1]
        start = np.where(mirrored[row], size - start - shown, start)
        canvases[row, start[1] : start[1] + shown[1], start[0] : start[0] + shown[0]] = pixels
        scale[row] = np.where(mirrored[row], -1, 1) * target / sizes[row]
        shift[row] = np.where(mirrored[row], size - corner, corner)
    return canvases, Placements(scale, shift, sizes, (size, size))


def _empty(count: int, preprocessing: Preprocessing) -> Pixels:
    """Canvases without an image."""
    canvases = np.empty((count, preprocessing.image_size, preprocessing.image_size, 3), dtype=np.uint8)
    canvases[:] = paint(preprocessing)
    return canvases


def paint(preprocessing: Preprocessing) -> tuple[int, int, int]:
    """The colour that the backbone takes for 0."""
    red, green, blue = np.rint(255 * np.array(preprocessing.mean)).astype(int).tolist()
    return red, green, blue


def _part(
    image: Pixels, first: NDArray[np.float64], last: NDArray[np.float64], shown: Sizes, preprocessing: Preprocessing
) -> Image.Image:
    whole = Image.fromarray(image)
    box = (*first.tolist(), *np.minimum(last, whole.size).tolist())
    if box == (0, 0, *whole.size) and tuple(shown.tolist()) == whole.size:
        return whole
    return whole.resize((int(shown[0]), int(shown[1])), resampling(preprocessing), box=box)


def _colored(image: Image.Image, factors: list[float]) -> Image.Image:
    from torchvision.transforms.v2 import functional as f

    brightness, contrast, saturation = factors
    found: Image.Image = f.adjust_brightness(image, brightness)
    return f.adjust_saturation(f.adjust_contrast(found, contrast), saturation)  # type: ignore[no-any-return]
