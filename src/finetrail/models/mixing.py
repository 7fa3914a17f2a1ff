"""Training pictures made of two: blended (MixUp), or with a piece of the other (CutMix)."""

import numpy as np
import torch

from finetrail.models.augmentation import Augment
from finetrail.models.classifier import Batch


def mix(batch: Batch, augment: Augment, generator: np.random.Generator) -> Batch:
    """The batch with what `augment` says of MixUp and CutMix; one of the two by chance where it says both.

    Args:
        batch: `pixels` (B, 3, S, S) uint8; not changed.

    Returns:
        `pixels`, and, if they were mixed, `partner` (B,) int64, the number of the other picture in the batch, and
        `share` (B,) float32, how much of each is the picture itself.
    """
    kinds = [kind for kind, alpha in ((mixup, augment.mixup), (cutmix, augment.cutmix)) if alpha > 0]
    if not kinds:
        return batch
    kind = kinds[int(generator.integers(len(kinds)))]
    return kind(batch, augment.mixup if kind is mixup else augment.cutmix, generator)


def mixup(batch: Batch, alpha: float, generator: np.random.Generator) -> Batch:
    """Each picture blended with another, by a share from Beta(alpha, alpha); float32 pixels. Zhang et al. 2017."""
    pixels = batch["pixels"].float()  # (B, 3, S, S), still channels last
    partner = torch.from_numpy(generator.permutation(len(pixels)))
    share = torch.from_numpy(generator.beta(alpha, alpha, len(pixels)).astype(np.float32))
    mixed = torch.lerp(pixels[partner], pixels, share.view(-1, 1, 1, 1))
    return batch | {"pixels": mixed.contiguous(memory_format=torch.channels_last), "partner": partner, "share": share}


def cutmix(batch: Batch, alpha: float, generator: np.random.Generator) -> Batch:
    """Each picture with a box of another pasted in, of an area from Beta(alpha, alpha). Yun et al. 2019.

    The box's centre is anywhere, so that a part of it may be outside; the share counts what is inside.
    """
    pixels = batch["pixels"]
    count, _, height, width = pixels.shape
    partner = generator.permutation(count)
    side = np.sqrt(1 - generator.beta(alpha, alpha, count))
    centres = generator.random((count, 2))
    extent = np.array([height, width])
    low = np.rint(centres * extent - side[:, None] * extent / 2).astype(np.int64).clip(0, extent)
    high = np.rint(centres * extent + side[:, None] * extent / 2).astype(np.int64).clip(0, extent)
    mixed = pixels.clone()
    for number, (top, left), (bottom, right) in zip(range(count), low.tolist(), high.tolist(), strict=True):
        mixed[number, :, top:bottom, left:right] = pixels[partner[number], :, top:bottom, left:right]
    share = 1 - (high - low).prod(axis=1) / (height * width)
    return batch | {
        "pixels": mixed,
        "partner": torch.from_numpy(partner),
        "share": torch.from_numpy(share.astype(np.float32)),
    }
