"""Slices: rows that are judged separately. Contents and targets add more conditions."""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Self

from pydantic import Field, StringConstraints, model_validator

from finetrail.errors import ConfigError
from finetrail.settings import Settings

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Rows = NDArray[np.bool_]
    """Whether each row belongs to a slice (n,)."""

SliceName = Annotated[str, StringConstraints(pattern=r"^[\w -]{1,64}$")]
SHARES = (0.2, 0.4, 0.6, 0.8)
"""Of the rows, that lie below the bounds which a search for slices tries."""
MOST_VALUES = 100
"""Of a column of metadata, that a search tries: the commonest. A column may tell single rows apart."""


@dataclass(frozen=True)
class SplitRows:
    """The rows of a split, as slices need them.

    Attributes:
        contents: reads what they hold, again on each call.
        metadata: what else is known of them, by column of the source.
    """

    labels: Sequence[Any]
    groups: Sequence[object]
    contents: Callable[[], Iterable[Any]]
    metadata: Mapping[str, Sequence[object]] = field(default_factory=dict)
    _known: dict[str, list[Any]] = field(default_factory=dict)

    def measured(self, name: str, measure: Callable[[Any], Any]) -> list[Any]:
        """A measure of each content; contents are read once for each."""
        if name not in self._known:
            self._known[name] = [measure(content) for content in self.contents()]
        return self._known[name]


class Slice(Settings):
    """Rows that meet all given conditions.

    Attributes:
        group: the groups that belong to the slice.
        metadata: the values that belong to it, by one of `source.columns.metadata`.
        numbers: measures of a content, as whole numbers: each has a field `min_...` and a field `max_...`.
        words: measures of a content as a word, each with a field of its name that lists those of the slice.
    """

    numbers: ClassVar[Mapping[str, Callable[[Any], int]]] = {}
    words: ClassVar[Mapping[str, Callable[[Any], str]]] = {}
    group: list[str] | None = Field(default=None, min_length=1)
    metadata: dict[str, Annotated[list[str], Field(min_length=1)]] | None = Field(default=None, min_length=1)

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if not self.model_fields_set:
            raise ValueError(f"a slice needs one of {', '.join(type(self).model_fields)}")
        return self

    def rows(self, split: SplitRows) -> "Rows":
        """Whether each row belongs to the slice (n,)."""
        import numpy as np

        wanted = None if self.group is None else set(self.group)
        found = np.array([wanted is None or group in wanted for group in split.groups], dtype=np.bool_)
        for column, those in (self.metadata or {}).items():
            if column not in split.metadata:
                raise ConfigError(
                    f"a slice names metadata {column!r}, which these rows do not have; add it to "
                    "source.columns.metadata and run `dvc repro`"
                )
            found &= np.array([value in those for value in split.metadata[column]], dtype=np.bool_)
        for name, number in self.numbers.items():
            low, high = getattr(self, f"min_{name}"), getattr(self, f"max_{name}")
            if low is not None or high is not None:
                values = np.array(split.measured(name, number), dtype=np.int64)
                found &= (values >= (low or 0)) & (high is None or values <= high)
        for name, word in self.words.items():
            if (those := getattr(self, name)) is not None:
                found &= np.isin(np.array(split.measured(name, word), dtype=object), those)
        return found

    @classmethod
    def offered(cls, split: SplitRows) -> list[dict[str, Any]]:
        """Single conditions that divide the rows of a split, for a search."""
        import numpy as np

        found: list[dict[str, Any]] = [{"group": [group]} for group in distinct(split.groups)]
        for column, known in split.metadata.items():
            often = Counter(value for value in known if isinstance(value, str))
            found += [{"metadata": {column: [value]}} for value, _ in often.most_common(MOST_VALUES)]
        for name, number in cls.numbers.items():
            values = np.array(split.measured(name, number), dtype=np.int64)
            bounds = np.unique(np.quantile(values, SHARES, method="lower")).tolist() if len(values) else []
            found += [{f"max_{name}": bound} for bound in bounds] + [{f"min_{name}": bound + 1} for bound in bounds]
        for name, word in cls.words.items():
            found += [{name: [one]} for one in distinct(split.measured(name, word))]
        return found


def refuse_unkept(kept: Collection[str], **declared: Mapping[str, Slice]) -> None:
    """Refuse slices by columns that are not kept.

    Args:
        kept: `source.columns.metadata`.
        declared: slices by name, of a section.

    Raises:
        ValueError: a slice names another column.
    """
    for section, slices in declared.items():
        for name, one in slices.items():
            if lacking := [column for column in one.metadata or () if column not in kept]:
                raise ValueError(
                    f"{section}.slices.{name} names metadata {lacking[0]!r}, which source.columns.metadata does not; "
                    "add it there"
                )


def distinct(values: Iterable[object]) -> list[str]:
    """The different texts among some values, in order; what is missing is none."""
    return sorted({value for value in values if isinstance(value, str)})
