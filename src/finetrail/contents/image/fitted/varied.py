"""Training images on canvases as `augment` says, and where they lie there. One generator draws all for a batch."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from finetrail.contents.image.fitted.crops import iou_crop
from finetrail.contents.image.fitted.settings import ObjectAugment
from finetrail.contents.image.fitted.views import Sizes, empty, fitted_size
from finetrail.contents.image.preprocessing import Preprocessing
from finetrail.contents.image.views import Pixels, resampling
from finetrail.models.placements import Collage, Placements

MIDDLE = (0.25, 0.75)
"""Where the four images of a mosaic meet, as a share of the canvas."""
SHRUNK = (0.5, 1.0)
"""The factor by which each of the four is resized, so that more than a quarter of it is seen."""
BLENDED = 8.0
"""Both parameters of the beta distribution of MixUp: near one half, so that the objects of both images can be seen."""
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Photos:
    """The images of a batch.

    Attributes:
        images: each as large as the canvas allows (H, W, 3).
        sizes: width and height of each upright image (B, 2).
        boxes: the objects in each, xyxy in pixels of the upright image (n, 4); none where labels are no objects.
    """

    images: list[Pixels]
    sizes: Sizes
    boxes: Sequence[Floats]


@dataclass(frozen=True)
class _Composed:
    """Which images lie where: K parts on the canvases of a batch, and on more that are blended over some of them.

    Attributes:
        image, canvas: the number of the image and of the canvas of each (K,).
        window: what it may fill, xyxy (K, 4).
        shrunk: the factor by which it is resized before all others (K,).
        under: the canvas of the batch that each further one is blended with (M,).
        share: how much of the blend the canvas of the batch is (M,).
    """

    image: Sizes
    canvas: Sizes
    window: Sizes
    shrunk: Floats
    under: Sizes
    share: Floats


@dataclass(frozen=True)
class _Drawn:
    """How an image lies in its window.

    Attributes:
        cut: the part of it that may be seen, xyxy in its pixels (4,).
        factor: by which that is resized.
        place: where it lies where there is room, or which part is seen where there is none, 0..1 by x and y (2,).
        mirrored: by x and y (2,).
        colors: factors of brightness, contrast and saturation; None to leave them.
    """

    cut: Floats
    factor: float
    place: Floats
    mirrored: NDArray[np.bool_]
    colors: list[float] | None


def varied(
    photos: Photos, augment: ObjectAugment, preprocessing: Preprocessing, generator: np.random.Generator
) -> tuple[Pixels, Collage]:
    """Canvases (B, H, W, 3) made of the images of a batch as `augment` says, and what lies on them."""
    size = len(photos.images)
    parts = _composed(size, augment, np.array(preprocessing.canvas), generator)
    count = len(parts.image)
    factors = generator.uniform(*(augment.scale or (1.0, 1.0)), count) * parts.shrunk
    places = generator.random((count, 2)) if augment.scale or augment.mosaic else np.zeros((count, 2))
    colors = generator.uniform(1 - augment.color, 1 + augment.color, (count, 3)).tolist()
    mirrored = generator.random((count, 2)) < 0.5
    mirrored &= [augment.flip != "none", augment.flip == "both"]
    canvases = empty(size + len(parts.under), preprocessing)
    scale, shift, seen = np.empty((count, 2)), np.empty((count, 2)), np.empty((count, 4), dtype=np.int64)
    for part, number in enumerate(parts.image.tolist()):
        image, upright = photos.images[number], photos.sizes[number]
        whole = np.array([image.shape[1], image.shape[0]])
        cut = np.array([0.0, 0.0, *whole])
        if augment.crop is not None:
            cut = iou_crop(whole, photos.boxes[number] * np.tile(whole / upright, 2), augment.crop, generator)
        tinted = colors[part] if augment.color else None
        drawn = _Drawn(cut, float(factors[part]), places[part], mirrored[part], tinted)
        canvas, window = canvases[parts.canvas[part]], parts.window[part]
        scale[part], shift[part], seen[part] = _lay(canvas, window, image, drawn, preprocessing)
        scale[part] *= whole / upright
    of = np.concatenate([np.arange(size), parts.under])[parts.canvas]
    placements = Placements(scale, shift, photos.sizes[parts.image], preprocessing.canvas)
    return _blended(canvases, parts), Collage(placements, parts.image, of, seen)


def _lay(
    canvas: Pixels, window: Sizes, image: Pixels, drawn: _Drawn, preprocessing: Preprocessing
) -> tuple[Floats, Floats, Sizes]:
    """Write an image into a window of a canvas.

    Returns:
        Scale and shift from its pixels to those of the canvas (2,), and the part of the canvas that shows it, xyxy.
    """
    room, sides = window[2:] - window[:2], drawn.cut[2:] - drawn.cut[:2]
    width, height = sides.tolist()
    target = np.maximum(1, np.rint(np.array(fitted_size(width, height, preprocessing)) * drawn.factor))
    target = target.astype(np.int64)
    shown = np.minimum(target, room)
    # Where the image is larger than its window a part of it is shown; where it is smaller it lies anywhere.
    corner = np.rint(drawn.place * (room - target)).astype(np.int64)
    first, start = np.maximum(0, -corner), np.maximum(0, corner)
    low, high = (drawn.cut[:2] + place * sides / target for place in (first, first + shown))
    found = _cut(image, low, high, shown, preprocessing)
    found = _colored(found, drawn.colors) if drawn.colors else found
    flips = np.where(drawn.mirrored, -1, 1)
    start = window[:2] + np.where(drawn.mirrored, room - start - shown, start)
    (left, top), (right, bottom) = start.tolist(), (start + shown).tolist()
    canvas[top:bottom, left:right] = np.asarray(found)[:: flips[1], :: flips[0]]
    moved = corner - drawn.cut[:2] * target / sides
    shift = (window[:2] + np.where(drawn.mirrored, room - moved, moved)).astype(np.float64)
    return flips * target / sides, shift, np.array([left, top, right, bottom])


def _composed(count: int, augment: ObjectAugment, canvas: Sizes, generator: np.random.Generator) -> _Composed:
    whole = (0, 0, *canvas.tolist())
    rows: list[tuple[int, int, tuple[int, ...], float]] = []
    several = generator.random(count) < augment.mosaic if augment.mosaic else np.zeros(count, np.bool_)
    for row in range(count):
        if not several[row]:
            rows.append((row, row, whole, 1.0))
            continue
        x, y = np.rint(generator.uniform(*MIDDLE, 2) * canvas).astype(np.int64).tolist()
        windows = [(0, 0, x, y), (x, 0, whole[2], y), (0, y, x, whole[3]), (x, y, whole[2], whole[3])]
        others, shrunk = generator.integers(count, size=3).tolist(), generator.uniform(*SHRUNK, 4).tolist()
        rows += [(one, row, *more) for one, *more in zip([row, *others], windows, shrunk, strict=True)]
    under = np.flatnonzero(generator.random(count) < augment.mixup) if augment.mixup else np.zeros(0, np.int64)
    partners = generator.integers(count, size=len(under)).tolist() if augment.mixup else []
    rows += [(one, count + number, whole, 1.0) for number, one in enumerate(partners)]
    share = generator.beta(BLENDED, BLENDED, len(under)) if augment.mixup else np.zeros(0)
    image, of, window, shrunk = (np.array(column) for column in zip(*rows, strict=True))
    return _Composed(image, of, window, shrunk, under, share)


def _blended(canvases: Pixels, parts: _Composed) -> Pixels:
    """The canvases of the batch, with the further ones blended over some of them (Zhang et al. 2017)."""
    count = len(canvases) - len(parts.under)
    for under, over, share in zip(parts.under.tolist(), canvases[count:], parts.share.tolist(), strict=True):
        canvases[under] = np.rint(share * canvases[under] + (1 - share) * over).astype(np.uint8)
    return canvases[:count]


def _cut(image: Pixels, first: Floats, last: Floats, shown: Sizes, preprocessing: Preprocessing) -> Image.Image:
    """A part of an image, resized. Args: first, last: its corners; shown: its width and height after it."""
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
