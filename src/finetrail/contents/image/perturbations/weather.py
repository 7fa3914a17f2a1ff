"""Weather, as in ImageNet-C; frost is drawn, because the photographs of the published code are no part of this one."""

import numpy as np

from finetrail.contents.image.perturbations.kernels import clouds_over, convolved, trail, zoomed
from finetrail.contents.image.perturbations.severities import Pixels, eight_bits, strength, unit

_LUMA = np.array([0.299, 0.587, 0.114])


def snow(pixels: Pixels, severity: int, generator: np.random.Generator) -> Pixels:
    """Brighten the scene, and lay flakes with trails over it."""
    mean, spread, zoom, threshold, radius, sigma, kept = strength(
        pixels,
        severity,
        (
            (0.1, 0.3, 3, 0.5, 10, 4, 0.8),
            (0.2, 0.3, 2, 0.5, 12, 4, 0.7),
            (0.55, 0.3, 4, 0.9, 12, 8, 0.7),
            (0.55, 0.3, 4.5, 0.85, 12, 8, 0.65),
            (0.55, 0.3, 2.5, 0.85, 12, 12, 0.55),
        ),
        (
            (0.1, 0.2, 1, 0.6, 8, 3, 0.95),
            (0.1, 0.2, 1, 0.5, 10, 4, 0.9),
            (0.15, 0.3, 1.75, 0.55, 10, 4, 0.9),
            (0.25, 0.3, 2.25, 0.6, 12, 6, 0.85),
            (0.3, 0.3, 1.25, 0.65, 14, 12, 0.8),
        ),
    )
    flakes = zoomed(generator.normal(mean, spread, pixels.shape[:2]), zoom)
    flakes[flakes < threshold] = 0
    flakes = convolved(flakes.clip(0, 1), trail(int(radius), sigma, generator.uniform(-135, -45)))[..., None]
    values = unit(pixels)
    bright = np.maximum(values, (values @ _LUMA)[..., None] * 1.5 + 0.5)
    return eight_bits(kept * values + (1 - kept) * bright + flakes + np.rot90(flakes, 2))


def frost(pixels: Pixels, severity: int, generator: np.random.Generator) -> Pixels:
    """Lay ice over the scene: bluish white where ridges of fractal noise are."""
    kept, ice = strength(
        pixels,
        severity,
        ((1, 0.4), (0.8, 0.6), (0.7, 0.7), (0.65, 0.7), (0.6, 0.75)),
        ((1, 0.2), (1, 0.3), (0.9, 0.4), (0.85, 0.4), (0.75, 0.45)),
    )
    ridges = 1 - np.abs(2 * clouds_over(pixels.shape, 1.8, generator) - 1)
    return eight_bits(kept * unit(pixels) + ice * ridges[..., None] ** 2 * np.array([0.85, 0.93, 1.0]))


def fog(pixels: Pixels, severity: int, generator: np.random.Generator) -> Pixels:
    """Add clouds, and darken so that the brightest pixel keeps its brightness."""
    amount, decay = strength(
        pixels,
        severity,
        ((1.5, 2), (2.0, 2), (2.5, 1.7), (2.5, 1.5), (3.0, 1.4)),
        ((0.2, 3), (0.5, 3), (0.75, 2.5), (1, 2), (1.5, 1.75)),
    )
    values = unit(pixels)
    brightest = values.max()
    values = values + amount * clouds_over(pixels.shape, decay, generator)[..., None]
    return eight_bits(values * brightest / (brightest + amount))
