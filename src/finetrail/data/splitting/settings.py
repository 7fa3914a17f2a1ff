"""Section `split:` of params.yaml: how rows are divided, and what contents and labels have to say to it."""

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
    """What a kind of label means to the split: what is kept in proportion, and without what nobody could train."""

    def of(self, labels: Sequence[Any], official: Sequence[str | None], settings: Division) -> list[tuple[str, ...]]:
        """What `stratified` and `official` keep in proportion: of each row the strata that it belongs to."""
        ...

    def refuse(self, counts: Counts, labels: Sequence[Any]) -> None:
        """Raise SplitError where nothing can be learned. Args: counts: of `label_counts`. labels: of the train rows."""
        ...

    @property
    def divide(self) -> Divide | None:
        """How units of rows of several strata are divided; None where a unit belongs to the commonest of its strata."""
        ...


class Split(Division):
    """What the stage asks of a kind of content besides `Division`; each kind extends it."""

    strata: ClassVar[Strata]
    """Of the kind of target: set where a task joins the two."""
    column: ClassVar[str]
    """The column of the content in the shards."""
    needed: ClassVar[Mapping[str, str]]
    """The columns of the manifest without which a row cannot be divided, and what a row lacks without each."""
    size: ClassVar[str]
    """The column of the manifest that says how large a content is."""

    @property
    @abstractmethod
    def measure(self) -> dict[str, Any]:
        """How near is measured, for split.json."""

    @abstractmethod
    def keys(self, manifest: "pd.DataFrame", contents: Iterable[Any]) -> list[str]:
        """What equal contents have in common, one a row. Args: contents: of these rows, read only if needed."""

    @abstractmethod
    def neighbours(self, manifest: "pd.DataFrame", keys: Sequence[str]) -> Neighbours:
        """Which of the rows are the same or near."""

    @abstractmethod
    def excerpts(self, raw: Path, ids: Collection[str]) -> dict[str, str]:
        """What quarantine.csv shows of the contents of these rows, by id."""
