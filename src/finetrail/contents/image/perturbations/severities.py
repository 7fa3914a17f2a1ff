"""How strong each corruption is at severities 1 to 5, and numbers that all corruptions share.

Images whose shorter side has at most 48 pixels get the strengths of CIFAR-10-C, others those of ImageNet-C, both as
Hendrycks & Dietterich published them (github.com/hendrycks/robustness, Apache-2.0).
"""

from collections.abc import Sequence
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

SMALL = 48
"""Pixels of the shorter side up to which the strengths of CIFAR-10-C hold."""
Pixels = NDArray[np.uint8]
Floats = NDArray[np.float64]
T = TypeVar("T")


def strength(pixels: NDArray[Any], severity: int, large: Sequence[T], small: Sequence[T]) -> T:
    """What a corruption uses for this image. Args: large, small: for severities 1 to 5."""
    return (small if min(pixels.shape[:2]) <= SMALL else large)[severity - 1]


def unit(pixels: Pixels) -> Floats:
    """0..255 as 0..1."""
    return pixels.astype(np.float64) / 255


def eight_bits(values: NDArray[np.floating[Any]]) -> Pixels:
    """0..1 as 0..255; what lies outside is clipped."""
    return np.asarray((np.clip(values, 0, 1) * 255).round(), dtype=np.uint8)
