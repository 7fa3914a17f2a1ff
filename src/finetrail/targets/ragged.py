"""Outputs of examples that have several features each, such as words or pieces."""

from typing import TYPE_CHECKING

from torch import Tensor

from finetrail.models.network import Batch

if TYPE_CHECKING:
    from finetrail.targets.learning import Kept


def each_kept(outputs: Tensor, batch: Batch) -> "Kept":
    """The outputs (W, K) of each example. Args: outputs: (B, W, K), padded; batch: with features_mask (B, W)."""
    counts = batch["features_mask"].sum(1).tolist()
    return [row[:count] for row, count in zip(outputs.float().cpu().numpy(), counts, strict=True)]
