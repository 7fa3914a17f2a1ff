"""Losses: what training makes small."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Literal

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from finetrail.models.network import Batch
from finetrail.targets.problem import CLASSIFICATION, REGRESSION, ProblemType

Loss = Callable[[Tensor, Tensor, Batch], Tensor]
"""Maps logits (B, K), targets (B,) and the batch that they come from to the mean loss of the batch.

Targets are class numbers; of a regression, standardised numbers, and K is 1.
"""
_Each = Callable[[Tensor, Tensor, Tensor | None], Tensor]
_BETA = 0.999


@dataclass(frozen=True)
class LossOptions:
    """What a task is told about the loss that it shall have.

    Attributes:
        label_smoothing, class_weights: see `cross_entropy`.
        focal_gamma: see `focal`; None for cross-entropy.
        distance, huber_delta: see `regression_loss`.
    """

    label_smoothing: float = 0.0
    class_weights: Tensor | None = None
    focal_gamma: float | None = None
    distance: str = "mse"
    huber_delta: float = 1.0


def classification_loss(options: LossOptions) -> Loss:
    """The loss of a task with one label an example."""
    if options.focal_gamma is None:
        return cross_entropy(options.label_smoothing, options.class_weights)
    return focal(options.focal_gamma, options.label_smoothing, options.class_weights)


def regression_loss(options: LossOptions) -> Loss:
    """The loss of a task with one number an example; mixed batches as in `cross_entropy`.

    By `options.distance`: `mse`, the square of the error; `mae`, the error; `huber`, the square up to `huber_delta`
    and the error beyond it (Huber 1964), so that a few wild labels do not decide. Targets are standardised, and so
    `huber_delta` is in standard deviations of the training labels.
    """

    def each(outputs: Tensor, targets: Tensor, weights: Tensor | None) -> Tensor:
        answers = outputs.squeeze(1)
        if options.distance == "mae":
            return functional.l1_loss(answers, targets, reduction="none")
        if options.distance == "huber":
            return functional.huber_loss(answers, targets, reduction="none", delta=options.huber_delta)
        return functional.mse_loss(answers, targets, reduction="none")

    return partial(_mean, each, None)


LOSSES: Mapping[ProblemType, Callable[[LossOptions], Loss]] = {
    CLASSIFICATION.name: classification_loss,
    REGRESSION.name: regression_loss,
}
"""What makes the loss of each kind of problem."""


def cross_entropy(label_smoothing: float = 0.0, class_weights: Tensor | None = None) -> Loss:
    """Cross-entropy; where a batch was mixed (MixUp, CutMix) each example counts for both of its classes.

    A mixed batch holds `partner_targets` (B,), the class of the example that each was mixed with, and `share` (B,), how
    much of it is its own.

    Args:
        label_smoothing: the share of the target that is spread over all classes (Szegedy et al. 2016).
        class_weights: (K,), or None where every class counts the same. The mean is over examples, not over weights: so
            a batch of one class has its weight too, and two small batches are as one large.
    """

    def each(logits: Tensor, targets: Tensor, weights: Tensor | None) -> Tensor:
        return functional.cross_entropy(logits, targets, weights, reduction="none", label_smoothing=label_smoothing)

    return partial(_mean, each, class_weights)


def focal(gamma: float, label_smoothing: float = 0.0, class_weights: Tensor | None = None) -> Loss:
    """The focal loss (Lin et al. 2017) of K classes by softmax; mixed batches as in `cross_entropy`.

    It is cross-entropy with the logarithm of each class's probability p times (1 - p) ** gamma, also where smoothing
    gives a share of the target to a class.

    Args:
        gamma: how much less an example counts that is already right; 0 is cross-entropy.
        label_smoothing, class_weights: see `cross_entropy`.
    """

    def each(logits: Tensor, targets: Tensor, weights: Tensor | None) -> Tensor:
        logs = functional.log_softmax(logits, 1)  # (B, K)
        # 1 - p, exact near 0 too; at 0 itself a power below 1 would have an infinite gradient.
        unsure = -torch.expm1(logs)
        focused = unsure.clamp_min(torch.finfo(logs.dtype).tiny) ** gamma * logs
        losses = functional.nll_loss(focused, targets, weights, reduction="none")
        if label_smoothing:
            spread = -(focused if weights is None else focused * weights).mean(1)
            losses = (1 - label_smoothing) * losses + label_smoothing * spread
        return losses

    return partial(_mean, each, class_weights)


def _mean(each: _Each, class_weights: Tensor | None, logits: Tensor, targets: Tensor, batch: Batch) -> Tensor:
    """The mean over the examples of a batch, mixed ones by their share."""
    weights = None if class_weights is None else class_weights.to(logits.device)
    losses = each(logits, targets, weights)
    if "partner_targets" in batch:
        others = each(logits, batch["partner_targets"], weights)
        losses = batch["share"] * losses + (1 - batch["share"]) * others
    return losses.mean()


def class_weights(method: Literal["balanced", "effective"] | None, targets: np.ndarray, classes: int) -> Tensor | None:
    """Weights (K,) whose mean over the examples is 1, or None where every row counts the same.

    Args:
        method: `balanced`: every class counts the same in all (King & Zeng 2001); `effective`: a class counts by its
            effective number of rows, to which each further row adds less (Cui et al. 2019, beta 0.999).
        targets: class numbers (N,); each class occurs.
        classes: K.
    """
    if method is None:
        return None
    counts = np.bincount(targets, minlength=classes)
    numbers = counts if method == "balanced" else (1 - _BETA**counts) / (1 - _BETA)
    weights = len(targets) / (counts / numbers).sum() / numbers
    return torch.from_numpy(weights).float()
