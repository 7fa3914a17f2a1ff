"""Noise, as in ImageNet-C."""

import numpy as np

from finetrail.contents.image.perturbations.severities import Pixels, eight_bits, strength, unit


def gaussian_noise(pixels: Pixels, severity: int, generator: np.random.Generator) -> Pixels:
    """Add normal noise to every value."""
    scale = strength(pixels, severity, (0.08, 0.12, 0.18, 0.26, 0.38), (0.04, 0.06, 0.08, 0.09, 0.10))
    return eight_bits(unit(pixels) + generator.normal(0, scale, pixels.shape))


def shot_noise(pixels: Pixels, severity: int, generator: np.random.Generator) -> Pixels:
    """Draw every value from a Poisson distribution, as if few photons were counted."""
    photons = strength(pixels, severity, (60, 25, 12, 5, 3), (500, 250, 100, 75, 50))
    return eight_bits(generator.poisson(unit(pixels) * photons) / photons)


def impulse_noise(pixels: Pixels, severity: int, generator: np.random.Generator) -> Pixels:
    """Set a share of the values to 0 or 255."""
    share = strength(pixels, severity, (0.03, 0.06, 0.09, 0.17, 0.27), (0.01, 0.02, 0.03, 0.05, 0.07))
    hit = generator.random(pixels.shape) < share
    found: Pixels = np.where(hit, generator.integers(0, 2, pixels.shape) * 255, pixels).astype(np.uint8)
    return found
