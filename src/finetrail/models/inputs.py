"""Examples made ready for a model: all that training and inference ask of them is lengths, rows and batches."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, Self

from finetrail.progress import Track

if TYPE_CHECKING:
    from torch import Tensor

    from finetrail.models.network import Batch


class Values(Protocol):
    """Raw values, such as texts or encoded images: a list, or what reads them from disk one by one."""

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


@dataclass(frozen=True)
class Changes:
    """What augmentation made of a batch, as far as targets have to follow it.

    Attributes:
        partner: (B,), the number in the batch of the example that each was mixed with; None where none was.
        share: (B,), 0..1, how much of each is the example itself.
    """

    partner: "Tensor | None" = None
    share: "Tensor | None" = None


NO_CHANGES = Changes()


class Targets(Protocol):
    """The encoded labels of examples. They travel with the inputs, so that what changes an example can tell them."""

    def __len__(self) -> int: ...

    def batch(self, indices: Sequence[int], changes: Changes) -> "Batch":
        """What the loss reads of the examples at `indices`: tensors by name, each name with `targets` in front."""
        ...


class Inputs(Protocol):
    """Examples made ready for a model, handed out in batches."""

    def __len__(self) -> int: ...

    @property
    def lengths(self) -> list[int]:
        """The size of each example, which batches are grouped by."""
        ...

    @property
    def rows(self) -> Sequence[int]:
        """The row that each example is of, or a part of, in order."""
        ...

    @property
    def varies(self) -> bool:
        """Whether a batch is another one with a seed than without: whether there is augmentation."""
        ...

    @property
    def targets(self) -> Targets | None:
        """The encoded labels; None where there are none."""
        ...

    def labelled(self, targets: Targets) -> Self:
        """The same examples with their targets."""
        ...

    def batch(self, indices: Sequence[int], seed: int | None = None) -> "Batch":
        """The tensors of the examples at `indices`, padded to the largest of them, and their targets if there are any.

        Args:
            seed: of this batch's augmentations, for training; None for none.
        """
        ...


def targets_of(inputs: Inputs, indices: Sequence[int], changes: Changes = NO_CHANGES) -> "Batch":
    """The targets of a batch; nothing where there are none."""
    return {} if inputs.targets is None else inputs.targets.batch(indices, changes)
