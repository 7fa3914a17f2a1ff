"""Slices of a split by what its labels hold."""

from abc import abstractmethod
from collections.abc import Set as AbstractSet
from typing import TYPE_CHECKING, Any

from pydantic import Field

from finetrail.evaluation.slices import Slice, Sliced

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class LabelSlice(Slice):
    """A slice of rows by label.

    Attributes:
        label: the slice has the rows with one of these.
    """

    label: list[str] | None = Field(default=None, min_length=1)

    @abstractmethod
    def has(self, label: Any, wanted: AbstractSet[str]) -> bool:
        """Whether a label has one of these."""

    def rows(self, split: Sliced) -> "NDArray[np.bool_]":
        import numpy as np

        found = super().rows(split)
        if self.label is None:
            return found
        wanted = frozenset(self.label)
        return found & np.array([self.has(label, wanted) for label in split.labels], dtype=np.bool_)
