"""Which columns of a table hold what, and how a table's record becomes a row."""

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from finetrail.data.canonical import canonical, is_missing
from finetrail.data.store.content import texts_in
from finetrail.data.store.raw import Row
from finetrail.errors import SourceError
from finetrail.settings import Settings


def _position(value: Any) -> Any:
    """A column of a file without a header is a position from 1; YAML reads that as a number."""
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


ColumnName = Annotated[str, BeforeValidator(_position)]
SplitName = Literal["train", "val", "test"]
Record = tuple[int, dict[str, Any]]
"""A row's number from 1 (for JSONL, the line's), and its values by column."""
Tell = Callable[[str], None]
"""Receives a line about what was read, for people."""
Has = Callable[[Sequence[str]], bool]
"""Whether a table has all of some columns."""

# The names that data sets use for the three splits, mapped to ours.
OFFICIAL: dict[str, SplitName] = {
    "train": "train",
    "training": "train",
    "val": "val",
    "valid": "val",
    "validation": "val",
    "dev": "val",
    "test": "test",
}

# JSON can escape one half of a surrogate pair, for example where a text was cut inside an emoji.
_HALF_A_CHARACTER = re.compile("[\ud800-\udfff]")


class Columns(Settings):
    """Which columns of the source hold what; contents and targets add theirs.

    Attributes:
        group: rows of one group stay in one split (an author, a patient, a camera); none by default.
        split: the official split of the row; none by default.
        metadata: what else is known of a row (a clinic, a device, a domain), for slices; no model reads it.
    """

    group: ColumnName | None = None
    split: ColumnName | None = None
    metadata: list[ColumnName] = Field(default_factory=list)

    @model_validator(mode="after")
    def _one_role(self) -> Self:
        """A column that is content and label too is a slip: the model would read its answer."""
        roles = {"content": self.contents, "label": self.labels, "split": (self.split,) if self.split else ()}
        for (one, names), (other, more) in combinations(roles.items(), 2):
            both = next((name for name in names if name in more), None)
            if both is not None:
                raise ValueError(
                    f"column {both!r} is given as {one} and as {other}; name another column for one of them"
                )
        return self

    @property
    def contents(self) -> tuple[str, ...]:
        """The columns that a row's content is read from."""
        return ()

    @property
    def labels(self) -> tuple[str, ...]:
        """The columns that a row's label is read from."""
        return ()

    @property
    def beside(self) -> list[str]:
        """The columns of what is neither content nor label."""
        return [name for name in (self.group, self.split, *self.metadata) if name is not None]

    def group_of(self, record: Mapping[str, Any]) -> Any:
        """The group that a record names."""
        return record.get(self.group) if self.group else None

    @property
    def names(self) -> list[str]:
        """All columns that a table must have, each once."""
        named = (*self.contents, *self.labels, *self.beside)
        return list(dict.fromkeys(name for name in named if name is not None))

    def wanted(self, where: str, has: Has, tell: Tell) -> list[str]:
        """The columns to read from a table. A kind may go by those that it has, and tells what it chose.

        Args:
            where: the table's name.
        """
        return self.names

    def asked(self, has: Has) -> Sequence[str]:
        """The columns that hold the contents of a table to score."""
        return self.contents


@dataclass(frozen=True)
class Place:
    """Where a record is. Attributes: source: its file; number: as in `Row`; split: the whole file's."""

    source: str
    number: int
    split: SplitName | None

    def __str__(self) -> str:
        return f"{self.source}, row {self.number}"


def row_from(place: Place, record: Mapping[str, Any], columns: Columns, content: Any, label: Any) -> Row:
    """Build a row from a record, its content and its label.

    The official split of a whole file takes precedence over the column's.

    Args:
        content, label: as they are stored.

    Raises:
        SourceError: a text cannot be encoded as UTF-8, the split is unknown, or a group is no word.
    """
    for name in columns.names:
        for text in texts_in(record.get(name)):
            if _HALF_A_CHARACTER.search(text):
                raise SourceError(
                    f"{place}: column {name!r} holds {ascii(text)[:60]}; it must be text that can be "
                    "encoded as UTF-8; correct the escapes of halved characters"
                )
    named = record[columns.split] if columns.split else None
    named = None if is_missing(named) else named
    if named is not None and str(named).lower() not in OFFICIAL:
        raise SourceError(f"{place}: split {named!r} is unknown; use one of {', '.join(OFFICIAL)}")
    return Row(
        source=place.source,
        row=place.number,
        content=content,
        label=label,
        split=place.split or (OFFICIAL[str(named).lower()] if named is not None else None),
        group=_word(place, columns.group_of(record), "group"),
        metadata={name: _word(place, record.get(name), "metadata") for name in columns.metadata},
    )


def check_once(where: str, wanted: Collection[str], found: Sequence[str]) -> None:
    """Raise SourceError if a wanted column is there twice. Args: where: the file, and the line if it is one's."""
    doubled = next((name for name in wanted if found.count(name) > 1), None)
    if doubled is not None:
        raise SourceError(f"{where}: column {doubled!r} appears twice; rename one, or remove it")


def _word(place: Place, value: Any, role: str) -> str | None:
    """A name or a number in the form in which texts are compared. 3.0, as pandas writes 3 in a column with gaps, is 3.

    Args:
        role: the entry of `source.columns` that names the column.

    Raises:
        SourceError: the value is a list, a mapping or bytes.
    """
    if is_missing(value):
        return None
    if not isinstance(value, str) and hasattr(value, "__len__"):
        raise SourceError(
            f"{place}: {role} {str(value)[:60]!r} is a {type(value).__name__}, where a name or a number belongs; write "
            f"one, or give source.columns.{role} another column"
        )
    return str(int(value)) if isinstance(value, float) and value.is_integer() else canonical(str(value))
