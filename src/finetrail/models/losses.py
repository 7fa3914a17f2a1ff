"""Losses: what training makes small."""

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from finetrail.models.classifier import Batch

Loss = Callable[[Tensor, Tensor, Batch], Tensor]
"""Maps logits (B, K), class numbers (B,) and the batch that they come from to the mean loss of the batch."""


def cross_entropy(label_smoothing: float = 0.0, class_weights: Tensor | None = None) -> Loss:
    """Cross-entropy; where a batch was mixed (MixUp, CutMix) each example counts for both of its classes.

    A mixed batch holds `partner` (B,), the place in the batch of the example that each was mixed with, and `share`
    (B,), how much of it is its own.

    Args:
        label_smoothing: the share of the target that is spread over all classes (Szegedy et al. 2016).
        class_weights: (K,), or None where every class counts the same. The mean is over examples, not over weights: so
            a batch of one class has its weight too, and two small batches are as one large.
    """

    def loss(logits: Tensor, targets: Tensor, batch: Batch) -> Tensor:
        weights = None if class_weights is None else class_weights.to(logits.device)
        losses = functional.cross_entropy(logits, targets, weights, reduction="none", label_smoothing=label_smoothing)
        if "partner" in batch:
            others = functional.cross_entropy(
                logits, targets[batch["partner"]], weights, reduction="none", label_smoothing=label_smoothing
            )
            losses = batch["share"] * losses + (1 - batch["share"]) * others
        return losses.mean()

    return loss


def balanced_weights(targets: np.ndarray, classes: int) -> Tensor:
    """Weights (K,) with which every class counts the same in all; their mean over the examples is 1 (King & Zeng 2001).

    Args:
        targets: class numbers (N,); each class occurs.
    """
    counts = np.bincount(targets, minlength=classes)
    return torch.from_numpy(len(targets) / (classes * counts)).float()
