"""Losses of masks. Each image weighs the same, however a batch is divided; ignored pixels never count."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from finetrail.targets.classes.losses import weights_of
from finetrail.targets.masks.raster import IGNORED, numbers_of
from finetrail.targets.masks.training import MaskTraining

ImageLosses = Callable[[Tensor, Tensor], Tensor]
"""Maps logits (B, K, S, S) and class numbers (B, S, S), uint8, to the loss of each image (B,)."""


def losses_of(settings: MaskTraining, weights: Tensor | None = None) -> ImageLosses:
    """The losses that section `train` asks for. Args: weights: of the classes (K,), see `pixel_weights`."""
    known: dict[str, ImageLosses] = {
        "cross_entropy": partial(cross_entropy, weights=weights),
        "focal": partial(cross_entropy, gamma=settings.focal_gamma, weights=weights),
        "dice": dice,
        "lovasz": lovasz,
    }
    chosen = [known[name] for name in settings.loss.split("+")]
    return lambda logits, targets: torch.stack([one(logits, targets) for one in chosen]).sum(0)


def pixel_weights(labels: Sequence[Any], classes: Sequence[str]) -> Tensor:
    """Weights of the classes (K,) with which each counts the same; their mean over all pixels is 1."""
    counts = np.zeros(len(classes), dtype=np.int64)
    for label in labels:
        numbers = numbers_of(label, classes)
        counts += np.bincount(numbers[numbers != IGNORED], minlength=len(classes))
    return weights_of("balanced", counts)


def cross_entropy(logits: Tensor, targets: Tensor, gamma: float = 0.0, weights: Tensor | None = None) -> Tensor:
    """Cross-entropy, or with `gamma` the focal loss of K classes by softmax (Lin et al. 2017): its mean over pixels."""
    flat = targets.flatten().long()
    # As rows of K, whose loss has a deterministic form on all devices; that of images has none on CUDA.
    rows = logits.permute(0, 2, 3, 1).flatten(0, 2)
    weights = None if weights is None else weights.to(logits.device)
    lost = functional.cross_entropy(rows, flat, weights, reduction="none", ignore_index=IGNORED)
    if gamma:
        right = functional.cross_entropy(rows, flat, reduction="none", ignore_index=IGNORED)
        # At 0 itself a power below 1 would have an infinite gradient.
        lost = lost * (-torch.expm1(-right)).clamp_min(torch.finfo(lost.dtype).tiny) ** gamma
    return _per_image(lost.view(len(targets), -1).sum(1), targets)


def dice(logits: Tensor, targets: Tensor) -> Tensor:
    """1 - the Dice coefficient of probabilities (Milletari et al. 2016), the mean over the classes of an image."""
    shares, members = _members(logits, targets)
    both = 2 * (shares * members).sum(2)
    either = shares.sum(2) + members.sum(2)
    return _over_present(1 - both / either.clamp_min(1e-7), members)


def lovasz(logits: Tensor, targets: Tensor) -> Tensor:
    """Lovász-Softmax (Berman, Triki & Blaschko 2018): what IoU loses, the mean over the classes of an image."""
    shares, members = _members(logits, targets)
    off = (members - shares).abs()
    # Ignored pixels come last, where they have an error of 0.
    sorted_, order = off.sort(dim=2, descending=True, stable=True)
    wanted = members.long().gather(2, order)  # whole numbers, whose sums are deterministic on all devices
    all_ = wanted.sum(2, keepdim=True)
    left = all_ - wanted.cumsum(2)
    union = all_ + (1 - wanted).cumsum(2)
    jaccard = 1 - left / union.clamp_min(1)
    steps = torch.diff(jaccard, dim=2, prepend=torch.zeros_like(jaccard[:, :, :1]))
    return _over_present((sorted_ * steps).sum(2), members)


def _members(logits: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
    """Probabilities, and 1 where a pixel is of a class (B, K, P); both are 0 at ignored pixels."""
    counts = (targets != IGNORED).flatten(1)[:, None]
    shares = logits.softmax(1).flatten(2) * counts
    flat = torch.where(counts[:, 0], targets.flatten(1), 0).long()
    members = functional.one_hot(flat, logits.shape[1]).transpose(1, 2) * counts
    return shares, members.to(logits.dtype)


def _over_present(lost: Tensor, members: Tensor) -> Tensor:
    """The mean over the classes that an image has (B,); 0 where all its pixels are ignored. Args: lost: (B, K)."""
    present = members.any(2)
    mean: Tensor = (lost * present).sum(1) / present.sum(1).clamp_min(1)
    return mean


def _per_image(lost: Tensor, targets: Tensor) -> Tensor:
    mean: Tensor = lost / (targets != IGNORED).flatten(1).sum(1).clamp_min(1)
    return mean
