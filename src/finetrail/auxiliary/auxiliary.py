"""The base of every auxiliary loss: section `auxiliary` of a candidate."""

from abc import abstractmethod
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

from pydantic import Field

from finetrail.settings import Settings

if TYPE_CHECKING:
    from torch import Tensor


class Read(Protocol):
    """What a model makes of examples. Attributes: features: (N, D). outputs: (N, K)."""

    @property
    def features(self) -> "Tensor": ...

    @property
    def outputs(self) -> "Tensor": ...


class Term(Protocol):
    """An auxiliary loss: a torch module, whose own weights train with the head's rate and are left out of the model."""

    def __call__(self, labelled: Read, views: Mapping[str, Read], progress: "Tensor") -> "Tensor":
        """The mean loss of a batch.

        Args:
            labelled: of the B labelled examples.
            views: of the unlabelled examples beside them, `Auxiliary.draws` for each, by the names of
                `Auxiliary.views`; equal places are the same row.
            progress: () the share of the training that is done, 0 to 1.
        """
        ...


class Auxiliary(Settings):
    """What a model learns from rows without labels, beside what it learns from those with labels.

    Attributes:
        rows: a name in section `unlabelled`.
        weight: of this loss; the loss of the labels has 1.
        ramp: whether the weight rises from 0 as the training goes on (Ganin et al. 2016):
            `2 / (1 + exp(-10 * progress)) - 1`.
        draws: unlabelled examples beside each labelled one.
        views: how each unlabelled example is read, and whether that pass is for a gradient.
    """

    rows: str
    weight: float = Field(1.0, gt=0)
    ramp: bool = True

    draws: ClassVar[int] = 1
    views: ClassVar[Mapping[str, bool]] = {"unlabelled": True}

    @abstractmethod
    def term(self, width: int, outputs: int) -> Any:
        """A new `Term`. Args: width: D, of the features. outputs: K."""
