"""Changes of brightness, contrast, resolution and encoding, as in ImageNet-C, and the loss of colour."""

import io

import numpy as np
from PIL import Image

from finetrail.contents.image.perturbations.kernels import over_channels, smoothed
from finetrail.contents.image.perturbations.severities import Floats, Pixels, eight_bits, strength, unit


def brightness(pixels: Pixels, severity: int, generator: np.random.Generator) -> Pixels:
    """Raise the value of HSV, which scales all three colours alike. Nothing is drawn."""
    added = strength(pixels, severity, (0.1, 0.2, 0.3, 0.4, 0.5), (0.05, 0.1, 0.15, 0.2, 0.3))
    values = unit(pixels)
    value = values.max(axis=-1, keepdims=True)
    raised = np.clip(value + added, 0, 1)
    # A black pixel has no hue: it becomes grey.
    return eight_bits(np.where(value > 0, values * raised / np.where(value > 0, value, 1), raised))


def contrast(pixels: Pixels, severity: int, generator: np.random.Generator) -> Pixels:
    """Draw all values towards the mean of their colour. Nothing is drawn at random."""
    kept = strength(pixels, severity, (0.4, 0.3, 0.2, 0.1, 0.05), (0.75, 0.5, 0.4, 0.3, 0.15))
    values = unit(pixels)
    means = values.mean(axis=(0, 1), keepdims=True)
    return eight_bits((values - means) * kept + means)


def elastic_transform(pixels: Pixels, severity: int, generator: np.random.Generator) -> Pixels:
    """Move three corners of a triangle, then every pixel by smooth noise; all in shares of the shorter side."""
    from scipy.ndimage import map_coordinates

    reach, smoothness, corner = strength(
        pixels,
        severity,
        ((2, 0.7, 0.1), (2, 0.08, 0.2), (0.05, 0.01, 0.02), (0.07, 0.01, 0.02), (0.12, 0.01, 0.02)),
        ((0, 0.01, 0.08), (0.05, 0.2, 0.07), (0.08, 0.06, 0.06), (0.1, 0.04, 0.05), (0.1, 0.03, 0.03)),
    )
    height, width = pixels.shape[:2]
    side = min(height, width)
    matrix = _moved_triangle(height, width, corner * side, generator)
    down, across = np.indices((height, width)).astype(np.float64)
    from_down, from_across = np.tensordot(matrix, np.stack([down, across, np.ones_like(down)]), axes=1)
    places = [
        place + smoothed(generator.uniform(-1, 1, (height, width)), smoothness * side, "reflect", 3.0) * reach * side
        for place in (from_down, from_across)
    ]
    return eight_bits(over_channels(unit(pixels), lambda one: map_coordinates(one, places, order=1, mode="reflect")))


def pixelate(pixels: Pixels, severity: int, generator: np.random.Generator) -> Pixels:
    """Shrink and enlarge. Nothing is drawn."""
    share = strength(pixels, severity, (0.6, 0.5, 0.4, 0.3, 0.25), (0.95, 0.9, 0.85, 0.75, 0.65))
    height, width = pixels.shape[:2]
    smaller = (max(1, int(width * share)), max(1, int(height * share)))
    image = Image.fromarray(pixels).resize(smaller, Image.Resampling.BOX)
    return np.asarray(image.resize((width, height), Image.Resampling.NEAREST))


def jpeg_compression(pixels: Pixels, severity: int, generator: np.random.Generator) -> Pixels:
    """Save and read again. Nothing is drawn."""
    stream = io.BytesIO()
    Image.fromarray(pixels).save(
        stream, "JPEG", quality=strength(pixels, severity, (25, 18, 15, 10, 7), (80, 65, 58, 50, 40))
    )
    return np.asarray(Image.open(stream))


def grey(pixels: Pixels, severity: int, generator: np.random.Generator) -> Pixels:
    """Mix with the grey image: a fifth at severity 1, all of it at 5. Nothing is drawn."""
    values = unit(pixels)
    luma = (values @ np.array([0.299, 0.587, 0.114]))[..., None]
    return eight_bits(values + (luma - values) * severity / 5)


def _moved_triangle(height: int, width: int, reach: float, generator: np.random.Generator) -> Floats:
    """The affine map (2, 3) that takes a triangle in the middle to one whose corners are moved by up to `reach`."""
    middle, arm = np.array([height // 2, width // 2]), min(height, width) / 3
    corners = middle + arm * np.array([[1, 1], [1, -1], [-1, -1]])
    moved = corners + generator.uniform(-reach, reach, corners.shape)
    return np.asarray(np.linalg.solve(np.hstack([corners, np.ones((3, 1))]), moved).T, dtype=np.float64)
