"""Examples prepared for a model: training and inference only need their lengths, rows and batches."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, Self, runtime_checkable

from finetrail.progress import Track

if TYPE_CHECKING:
    from torch import Tensor

    from finetrail.models.network import Batch
    from finetrail.models.placements import Collage, Floats, Placements


class Values(Protocol):
    """Raw values, such as texts or encoded images: a list, or an object that reads them from disk one by one."""

    def __len__(self) -> int: ...

    def __iter__(self) -> Iterator[Any]: ...


@dataclass(frozen=True)
class Watched:
    """Values that show progress each time they are iterated."""

    values: Values
    track: Track
    what: str

    def __len__(self) -> int:
        return len(self.values)

    def __iter__(self) -> Iterator[Any]:
        return iter(self.track(self.values, total=len(self.values), what=self.what))


@dataclass(frozen=True)
class Changes:
    """The changes of an augmentation that the targets must follow.

    Attributes:
        partner: (B,), the position in the batch of the example that each was mixed with; None if none was.
        share: (B,), 0..1, how much of the mix is the example itself.
        lost: (B, W), which of the features of each example are gone, such as words; None if none can be.
        placements: where the image of each example lies on what the model sees; None where labels name no places.
        collage: the same, in place of it, where what the model sees is made of several images or of parts of them.
    """

    partner: "Tensor | None" = None
    share: "Tensor | None" = None
    lost: "Tensor | None" = None
    placements: "Placements | None" = None
    collage: "Collage | None" = None


NO_CHANGES = Changes()


@dataclass(frozen=True)
class Sampling:
    """How a model writes its answers, where a caller decides.

    Attributes:
        most: tokens of an answer, its end included.
        temperature: 0: nothing is drawn.
        seed: of what is drawn.
    """

    most: int
    temperature: float
    seed: int


class Targets(Protocol):
    """The encoded labels of examples. They travel with the inputs, so that augmentation can change both."""

    def __len__(self) -> int: ...

    def batch(self, indices: Sequence[int], changes: Changes) -> "Batch":
        """What the loss reads for the examples at `indices`: tensors by name, each name starting with `targets`."""
        ...


@runtime_checkable
class Boxed(Protocol):
    """Targets that are objects in images."""

    @property
    def boxes(self) -> "Sequence[Floats]":
        """The boxes of the objects of each example (n, 4), xyxy in pixels of the upright image."""
        ...


class Inputs(Protocol):
    """Examples prepared for a model, returned in batches."""

    def __len__(self) -> int: ...

    @property
    def lengths(self) -> list[int]:
        """The size of each example; batches are grouped by it."""
        ...

    @property
    def rows(self) -> Sequence[int]:
        """The row that each example is, or is part of, in order."""
        ...

    @property
    def varies(self) -> bool:
        """Whether a seed changes a batch: whether there is augmentation."""
        ...

    @property
    def targets(self) -> Targets | None:
        """The encoded labels; None if there are none."""
        ...

    def labelled(self, targets: Targets) -> Self:
        """The same examples with their targets."""
        ...

    def batch(self, indices: Sequence[int], seed: int | None = None) -> "Batch":
        """The tensors of the examples at `indices`, padded to the largest of them, and their targets, if any.

        Args:
            seed: of this batch's augmentations, for training; None for none.
        """
        ...


@runtime_checkable
class Pieced(Protocol):
    """Inputs that know which of what a model reads it learns to write."""

    def pieces(self, index: int) -> list[tuple[str, bool]]:
        """An example as the model reads it: its tokens as texts, in order, and whether each is learnt.

        Neighbouring tokens that are both learnt, or both not, may be one text.
        """
        ...


def targets_of(inputs: Inputs, indices: Sequence[int], changes: Changes = NO_CHANGES) -> "Batch":
    """The targets of a batch; empty if there are none."""
    return {} if inputs.targets is None else inputs.targets.batch(indices, changes)
