"""Slices: rows of the test split that the gate judges separately. Contents and targets add more conditions."""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, Protocol, Self

from pydantic import Field, model_validator

from finetrail.settings import Settings

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class Sliced(Protocol):
    """The rows of a split, as slices need them."""

    @property
    def labels(self) -> Sequence[Any]: ...

    @property
    def groups(self) -> Sequence[object]: ...

    def contents(self) -> Iterable[Any]:
        """The contents of the rows, read again on each call."""
        ...


class Slice(Settings):
    """Rows that meet all given conditions.

    Attributes:
        group: the groups that belong to the slice.
    """

    group: list[str] | None = Field(default=None, min_length=1)

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if not self.model_fields_set:
            raise ValueError(f"a slice needs one of {', '.join(type(self).model_fields)}")
        return self

    def rows(self, split: Sliced) -> "NDArray[np.bool_]":
        """Whether each row belongs to the slice (n,)."""
        import numpy as np

        wanted = None if self.group is None else set(self.group)
        return np.array([wanted is None or group in wanted for group in split.groups], dtype=np.bool_)
