"""Slices of a split by what its labels hold."""

from abc import abstractmethod
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from pydantic import Field

from finetrail.evaluation.slices import Slice, SplitRows, distinct

if TYPE_CHECKING:
    from finetrail.evaluation.slices import Rows


class LabelSlice(Slice):
    """A slice of rows by label.

    Attributes:
        label: the slice has the rows with one of these.
    """

    label: list[str] | None = Field(default=None, min_length=1)

    @classmethod
    @abstractmethod
    def names(cls, label: Any) -> Iterable[str]:
        """The names in a label."""

    def rows(self, split: SplitRows) -> "Rows":
        import numpy as np

        found = super().rows(split)
        if self.label is None:
            return found
        wanted = frozenset(self.label)
        return found & np.array([not wanted.isdisjoint(self.names(label)) for label in split.labels], dtype=np.bool_)

    @classmethod
    def offered(cls, split: SplitRows) -> list[dict[str, Any]]:
        known = distinct(name for label in split.labels for name in cls.names(label))
        return [*super().offered(split), *({"label": [name]} for name in known)]
