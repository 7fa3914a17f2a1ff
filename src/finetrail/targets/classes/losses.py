"""Losses of classifiers: they map logits (B, K) and class numbers (B,) to the mean loss of a batch."""

from functools import partial
from typing import Literal

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from finetrail.targets.learning import Loss
from finetrail.targets.per_row import mean_loss

_BETA = 0.999


def cross_entropy(label_smoothing: float = 0.0, class_weights: Tensor | None = None) -> Loss:
    """Cross-entropy; where a batch was mixed (MixUp, CutMix) each example counts for both of its classes.

    See `finetrail.targets.per_row.RowTargets` for what a mixed batch holds.

    Args:
        label_smoothing: the share of the target that is spread over all classes (Szegedy et al. 2016).
        class_weights: (K,), or None where every class counts the same. The mean is over examples, not over weights: so
            a batch of one class keeps its weight, and two small batches equal one large batch.
    """

    def each(logits: Tensor, targets: Tensor) -> Tensor:
        weights = None if class_weights is None else class_weights.to(logits.device)
        return functional.cross_entropy(logits, targets, weights, reduction="none", label_smoothing=label_smoothing)

    return partial(mean_loss, each)


def focal(gamma: float, label_smoothing: float = 0.0, class_weights: Tensor | None = None) -> Loss:
    """The focal loss (Lin et al. 2017) of K classes by softmax; mixed batches as in `cross_entropy`.

    It is cross-entropy with the logarithm of each class's probability p times (1 - p) ** gamma, also where smoothing
    gives a share of the target to a class.

    Args:
        gamma: how much less an example counts if it is already right; 0 is cross-entropy.
        label_smoothing, class_weights: see `cross_entropy`.
    """

    def each(logits: Tensor, targets: Tensor) -> Tensor:
        weights = None if class_weights is None else class_weights.to(logits.device)
        logs = functional.log_softmax(logits, 1)  # (B, K)
        # 1 - p, exact near 0 too; at 0 itself a power below 1 would have an infinite gradient.
        unsure = -torch.expm1(logs)
        focused = unsure.clamp_min(torch.finfo(logs.dtype).tiny) ** gamma * logs
        losses = functional.nll_loss(focused, targets, weights, reduction="none")
        if label_smoothing:
            spread = -(focused if weights is None else focused * weights).mean(1)
            losses = (1 - label_smoothing) * losses + label_smoothing * spread
        return losses

    return partial(mean_loss, each)


def class_weights(method: Literal["balanced", "effective"] | None, targets: np.ndarray, classes: int) -> Tensor | None:
    """Weights (K,) whose mean over the examples is 1, or None where every row counts the same.

    Args:
        method: `balanced`: every class counts the same in all (King & Zeng 2001); `effective`: a class counts by its
            effective number of rows, to which each further row adds less (Cui et al. 2019, beta 0.999).
        targets: class numbers (N,); a class that does not occur counts for nothing.
        classes: K.
    """
    if method is None:
        return None
    return weights_of(method, np.bincount(targets, minlength=classes))


def weights_of(method: Literal["balanced", "effective"], counts: np.ndarray) -> Tensor:
    """The same for classes that occur so often (K,)."""
    numbers = counts if method == "balanced" else (1 - _BETA**counts) / (1 - _BETA)
    numbers = np.where(counts > 0, numbers, 1)  # a part of the rows may lack a class
    weights = counts.sum() / (counts / numbers).sum() / numbers
    return torch.from_numpy(weights).float()
