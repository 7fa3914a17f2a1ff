"""Training images made of two: blended (MixUp), or with a piece of the other (CutMix)."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from finetrail.contents.image.augment.settings import Augment
from finetrail.contents.image.views import Pixels


@dataclass(frozen=True)
class Mixed:
    """A batch of images.

    Attributes:
        pixels: (B, S, S, 3), 0..255; uint8, or float32 where they were blended.
        partner: (B,), the number in the batch of the other image in each; None where nothing was mixed.
        share: (B,), 0..1, how much of each is the image itself.
    """

    pixels: Pixels | NDArray[np.float32]
    partner: NDArray[np.int64] | None = None
    share: NDArray[np.float32] | None = None


def mix(pixels: Pixels, augment: Augment, generator: np.random.Generator) -> Mixed:
    """Mix a batch (B, S, S, 3) as `augment` says; where it says both, one of the two by chance."""
    if augment.mixup and augment.cutmix:
        return (
            mixup(pixels, augment.mixup, generator)
            if generator.random() < 0.5
            else cutmix(pixels, augment.cutmix, generator)
        )
    if augment.mixup:
        return mixup(pixels, augment.mixup, generator)
    return cutmix(pixels, augment.cutmix, generator) if augment.cutmix else Mixed(pixels)


def mixup(pixels: Pixels, alpha: float, generator: np.random.Generator) -> Mixed:
    """Each image blended with another, its own share from Beta(alpha, alpha). Zhang et al. 2017."""
    partner = generator.permutation(len(pixels))
    share = generator.beta(alpha, alpha, len(pixels)).astype(np.float32)
    # In numpy, in this order: PyTorch's fused kernels round otherwise at the seams between threads.
    own = pixels.astype(np.float32)
    mixed = own[partner]
    mixed -= own
    mixed *= (1 - share)[:, None, None, None]
    mixed += own
    return Mixed(mixed, partner, share)


def cutmix(pixels: Pixels, alpha: float, generator: np.random.Generator) -> Mixed:
    """Each image with a box of another pasted in, of an area from Beta(alpha, alpha). Yun et al. 2019.

    The box's centre is anywhere, so that a part of it may be outside; the share counts what is inside.
    """
    count, *extent = pixels.shape[:3]
    partner = generator.permutation(count)
    half = np.sqrt(1 - generator.beta(alpha, alpha, count))[:, None] * extent / 2
    middle = generator.random((count, 2)) * extent
    low, high = (np.rint(edge).astype(np.int64).clip(0, extent) for edge in (middle - half, middle + half))
    mixed = pixels.copy()
    for row, other, (top, left), (bottom, right) in zip(mixed, partner, low.tolist(), high.tolist(), strict=True):
        row[top:bottom, left:right] = pixels[other, top:bottom, left:right]
    share = 1 - (high - low).prod(axis=1) / np.prod(extent)
    return Mixed(mixed, partner, share.astype(np.float32))
