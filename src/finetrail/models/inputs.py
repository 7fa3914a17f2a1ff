"""Examples made ready for a model: all that training and inference ask of them is lengths and batches."""

from collections.abc import Sequence
from typing import Protocol

from finetrail.models.classifier import Batch


class Inputs(Protocol):
    """Examples made ready for a model, handed out in batches."""

    def __len__(self) -> int: ...

    @property
    def lengths(self) -> list[int]:
        """The size of each example, which batches are grouped by."""
        ...

    def batch(self, indices: Sequence[int]) -> Batch:
        """The tensors of the examples at `indices`, padded to the largest of them."""
        ...
