"""Blur, as in ImageNet-C.

Two differences: glass blur moves all pixels at once, where the published code swaps them one after another, and motion
blur needs no ImageMagick.
"""

import numpy as np

from finetrail.contents.image.perturbations.kernels import convolved, disk, smoothed, trail, zoomed
from finetrail.contents.image.perturbations.severities import Pixels, eight_bits, strength, unit


def defocus_blur(pixels: Pixels, severity: int, generator: np.random.Generator) -> Pixels:
    """Convolve with a disk. Nothing is drawn."""
    radius, edge = strength(
        pixels,
        severity,
        ((3, 0.1), (4, 0.5), (6, 0.5), (8, 0.5), (10, 0.5)),
        ((0.3, 0.4), (0.4, 0.5), (0.5, 0.6), (1, 0.2), (1.5, 0.1)),
    )
    return eight_bits(convolved(unit(pixels), disk(radius, edge)))


def glass_blur(pixels: Pixels, severity: int, generator: np.random.Generator) -> Pixels:
    """Blur, take every pixel from a random place nearby, blur again."""
    sigma, most, times = strength(
        pixels,
        severity,
        ((0.7, 1, 2), (0.9, 2, 1), (1, 2, 3), (1.1, 3, 2), (1.5, 4, 2)),
        ((0.05, 1, 1), (0.25, 1, 1), (0.4, 1, 1), (0.25, 1, 2), (0.4, 1, 2)),
    )
    values = smoothed(unit(pixels), sigma)
    height, width = values.shape[:2]
    rows, columns = np.indices((height, width))
    for _ in range(times):
        down = generator.integers(-most, most + 1, (height, width))
        across = generator.integers(-most, most + 1, (height, width))
        values = values[(rows + down).clip(0, height - 1), (columns + across).clip(0, width - 1)]
    return eight_bits(smoothed(values, sigma))


def motion_blur(pixels: Pixels, severity: int, generator: np.random.Generator) -> Pixels:
    """Convolve with a fading line, at most 45 degrees from level."""
    radius, sigma = strength(
        pixels,
        severity,
        ((10, 3), (15, 5), (15, 8), (15, 12), (20, 15)),
        ((6, 1), (6, 1.5), (6, 2), (8, 2), (9, 2.5)),
    )
    return eight_bits(convolved(unit(pixels), trail(radius, sigma, generator.uniform(-45, 45))))


def zoom_blur(pixels: Pixels, severity: int, generator: np.random.Generator) -> Pixels:
    """Take the mean of the image and of its enlargements. Nothing is drawn."""
    stop, step = strength(
        pixels,
        severity,
        ((1.11, 0.01), (1.16, 0.01), (1.21, 0.02), (1.26, 0.02), (1.31, 0.03)),
        ((1.06, 0.01), (1.11, 0.01), (1.16, 0.01), (1.21, 0.01), (1.26, 0.01)),
    )
    values = unit(pixels)
    factors = np.arange(1, stop, step)
    return eight_bits((values + sum(zoomed(values, factor) for factor in factors)) / (len(factors) + 1))
