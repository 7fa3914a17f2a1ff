"""Another crop, a camera that is not level, a mirror. What a label says of places does not survive them."""

import numpy as np
from PIL import Image

from finetrail.contents.image.perturbations.severities import Pixels

_CROPPED = (0.95, 0.9, 0.8, 0.7, 0.6)
_DEGREES = (3, 6, 10, 15, 25)


def crop(pixels: Pixels, severity: int, generator: np.random.Generator) -> Pixels:
    """Cut out a part at a random place, with a share of each side, and enlarge it."""
    height, width = pixels.shape[:2]
    high, wide = (max(1, round(side * _CROPPED[severity - 1])) for side in (height, width))
    top, left = int(generator.integers(height - high + 1)), int(generator.integers(width - wide + 1))
    part = Image.fromarray(pixels).crop((left, top, left + wide, top + high))
    return np.asarray(part.resize((width, height), Image.Resampling.BILINEAR))


def rotation(pixels: Pixels, severity: int, generator: np.random.Generator) -> Pixels:
    """Turn left or right; what lies outside mirrors what is inside."""
    height, width = pixels.shape[:2]
    degrees = _DEGREES[severity - 1] * (1 if generator.random() < 0.5 else -1)
    edge = max(height, width) // 2
    padded = Image.fromarray(np.pad(pixels, ((edge, edge), (edge, edge), (0, 0)), mode="symmetric"))
    turned = padded.rotate(degrees, Image.Resampling.BILINEAR)
    return np.asarray(turned.crop((edge, edge, edge + width, edge + height)))


def flip(pixels: Pixels, severity: int, generator: np.random.Generator) -> Pixels:
    """Mirror. Nothing is drawn, and every severity is the same."""
    return np.ascontiguousarray(pixels[:, ::-1])
