"""Section `split:` of params.yaml: how rows are divided, and what contents and labels add to it."""

from abc import abstractmethod
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

from finetrail.data.near.leakage import Neighbours
from finetrail.data.splitting.rows import Divide, Division

if TYPE_CHECKING:
    import pandas as pd

Counts = dict[str, dict[str, int]]
"""Rows of each stratum in each split."""


class Strata(Protocol):
    """What a kind of label means to the split: what to keep in proportion, and what training cannot do without."""

    def of(self, labels: Sequence[Any], official: Sequence[str | None], settings: Division) -> list[tuple[str, ...]]:
        """Return the strata that each row belongs to: what `stratified` and `official` keep in proportion."""
        ...

    def refuse(self, counts: Counts, labels: Sequence[Any]) -> None:
        """Raise SplitError if nothing can be learned. Args: counts: from `label_counts`. labels: of the train rows."""
        ...

    @property
    def divide(self) -> Divide | None:
        """How to divide units whose rows have several strata; None if a unit belongs to its most common stratum."""
        ...


class Split(Division):
    """What the stage needs from a kind of content besides `Division`; each kind extends it."""

    strata: ClassVar[Strata]
    """The kind of target's; set where a task joins it with a kind of content."""
    column: ClassVar[str]
    """The column of the content in the shards."""
    needed: ClassVar[Mapping[str, str]]
    """The manifest's columns without which a row cannot be divided, and what a row lacks without each."""
    size: ClassVar[str]
    """The manifest's column with the size of a content."""

    @property
    @abstractmethod
    def measure(self) -> dict[str, Any]:
        """How nearness is measured, for split.json."""

    @abstractmethod
    def keys(self, manifest: "pd.DataFrame", contents: Iterable[Any]) -> list[str]:
        """Return what equal contents share, one key per row. Args: contents: of these rows, read only if needed."""

    @abstractmethod
    def neighbours(self, manifest: "pd.DataFrame", keys: Sequence[str]) -> Neighbours:
        """Return which rows are the same or near."""

    @abstractmethod
    def excerpts(self, raw: Path, ids: Collection[str]) -> dict[str, str]:
        """Return what quarantine.csv shows of the contents of these rows, by id."""
