"""Examples made ready for a model: all that training and inference ask of them is lengths and batches."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from finetrail.models.network import Batch
from finetrail.progress import Track


class Values(Protocol):
    """Raw values, texts or encoded images: a list, or what reads them from disk one by one."""

    def __len__(self) -> int: ...

    def __iter__(self) -> Iterator[Any]: ...


@dataclass(frozen=True)
class Watched:
    """Values that show how far they have come each time that they are gone through."""

    values: Values
    track: Track
    what: str

    def __len__(self) -> int:
        return len(self.values)

    def __iter__(self) -> Iterator[Any]:
        return iter(self.track(self.values, total=len(self.values), what=self.what))


class Inputs(Protocol):
    """Examples made ready for a model, handed out in batches."""

    def __len__(self) -> int: ...

    @property
    def lengths(self) -> list[int]:
        """The size of each example, which batches are grouped by."""
        ...

    @property
    def varies(self) -> bool:
        """Whether a batch is another one with a seed than without: whether there is augmentation."""
        ...

    def batch(self, indices: Sequence[int], seed: int | None = None) -> Batch:
        """The tensors of the examples at `indices`, padded to the largest of them.

        Args:
            seed: of this batch's augmentations, for training; None for none.
        """
        ...
