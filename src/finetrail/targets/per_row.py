"""Targets with one tensor per row: a class, a number, a set as zeros and ones."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from finetrail.models.inputs import Changes, Inputs
from finetrail.models.network import Batch

Each = Callable[[Tensor, Tensor], Tensor]
"""Maps outputs (B, ..., K) and targets to the loss of each example (B,)."""


@dataclass(frozen=True)
class RowTargets:
    """Targets (N, ...) by example."""

    values: Tensor

    @staticmethod
    def of(values: NDArray[np.generic], inputs: Inputs) -> "RowTargets":
        """The targets of the rows (n, ...), for the examples that the rows became."""
        return RowTargets(torch.from_numpy(values)[list(inputs.rows)])

    def __len__(self) -> int:
        return len(self.values)

    def batch(self, indices: Sequence[int], changes: Changes) -> Batch:
        """`targets` (B, ...); where examples were mixed also `targets_of_partner` (B, ...) and `targets_share` (B,)."""
        targets = self.values[list(indices)]
        if changes.partner is None or changes.share is None:
            return {"targets": targets}
        # The partner's own target and not its place in the batch, so that a part of a batch is a batch.
        return {"targets": targets, "targets_of_partner": targets[changes.partner], "targets_share": changes.share}


def mean_loss(each: Each, outputs: Tensor, batch: Batch) -> Tensor:
    """The mean over the examples of a batch; where it was mixed (MixUp, CutMix) each counts for both of its targets."""
    losses = each(outputs, batch["targets"])
    if "targets_of_partner" in batch:
        others = each(outputs, batch["targets_of_partner"])
        losses = batch["targets_share"] * losses + (1 - batch["targets_share"]) * others
    return losses.mean()
