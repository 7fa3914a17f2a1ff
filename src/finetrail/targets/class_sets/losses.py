"""The loss of sets of classes: each class is a question of its own, answered yes or no."""

from collections.abc import Callable
from typing import Literal

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from finetrail.models.network import Batch
from finetrail.targets.class_sets.ranking import Bools

Loss = Callable[[Tensor, Batch], Tensor]
"""Maps logits (B, K) and the batch that they come from to the mean loss of the batch."""

MOST_WEIGHT = 100.0
"""The most rows that one row may count for.

Classes on 1% to 99% of the rows are still balanced exactly. Without the limit each row of a class with three rows in
100,000 would count 33,000 times: the few batches that hold one would undo what all others learned, and so would a
wrong label.
"""


def binary_cross_entropy(weights: Tensor | None = None) -> Loss:
    """Binary cross-entropy with logits: the mean over the K classes of each example, and over the examples of a batch.

    Every example counts the same, so two small batches are as one large. A batch holds `targets` (B, K), 1 where an
    example has the class and else 0. A mixed batch (MixUp, CutMix) holds `targets_of_partner` (B, K) too, and
    `targets_share` (B,), how much of each example is its own: it counts for both sets by their shares.

    Args:
        weights: (K,), how much a row with the class counts against one without; see `positive_weights`.
    """

    def loss(logits: Tensor, batch: Batch) -> Tensor:
        targets = batch["targets"]
        if "targets_of_partner" in batch:
            # The loss is linear in its targets: that of the mixed targets is the mixed loss.
            targets = torch.lerp(batch["targets_of_partner"], targets, batch["targets_share"].unsqueeze(1))
        of_positives = None if weights is None else weights.to(logits.device)
        return functional.binary_cross_entropy_with_logits(logits, targets, pos_weight=of_positives)

    return loss


def positive_weights(method: Literal["balanced"] | None, actual: Bools) -> Tensor | None:
    """Weights (K,) of the rows that have a class, or None where every row counts the same.

    Args:
        method: `balanced`: for each class the rows with it count as much in all as those without it (King & Zeng 2001),
            where that makes none of them count more than `MOST_WEIGHT` times, or less than one part in as many.
        actual: which classes each training row has (N, K).
    """
    if method is None:
        return None
    positives = actual.sum(axis=0)
    negatives = len(actual) - positives
    # A class without rows gets the largest weight, which then counts for no row.
    balanced = negatives / np.maximum(positives, 1)
    return torch.from_numpy(balanced.clip(1 / MOST_WEIGHT, MOST_WEIGHT)).float()
