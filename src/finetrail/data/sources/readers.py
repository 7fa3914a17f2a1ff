"""How labels are read from sources: what the readers of tables, folders and archives ask of a kind of target."""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from finetrail.data.sources.columns import Record, Tell
from finetrail.data.store.content import StoredLabel

if TYPE_CHECKING:
    from finetrail.data.sources.annotated import Annotations
    from finetrail.data.sources.trees import Tree


class LabelReader(StoredLabel, Protocol):
    """What sources need from a kind of target.

    Attributes:
        formats: its own file formats, besides the tables that every kind reads, each with its reader.
        endings: file name endings, and the formats that they stand for.
        trees: those of its formats that a folder may hold in several files, each with what finds these; the first is
            that of a folder whose format is not named.
    """

    @property
    def formats(self) -> "Mapping[str, RecordReader]": ...

    @property
    def endings(self) -> Mapping[str, str]: ...

    @property
    def trees(self) -> "Mapping[str, TreeReader]": ...

    def given(self, where: str, record: Mapping[str, Any], columns: Any) -> tuple[Mapping[str, Any], Any]:
        """Return the label's value as in the source, and the record, which may gain the content that came with it.

        Args:
            where: the place, for messages.
            columns: section `source.columns`.
        """
        ...

    def fetched(self, where: str, value: Any, fetch: Callable[[str, Any], Any]) -> Any:
        """Return what a label's value stands for, where that is a file as those of contents.

        Args:
            where: the place, for messages.
            fetch: makes the bytes of a file from (the place, its path or bytes).
        """
        ...

    def prepared(self, records: "Iterator[Record]", columns: Any) -> "Iterator[Record]":
        """Yield the records of one file before any becomes a row: a kind may have to look ahead."""
        ...

    def annotations(self, tree: "Tree", columns: Any, tell: Tell) -> "Annotations | None":
        """What the annotation files of a folder or an archive say; None for a kind whose labels are its folders.

        Args:
            tell: receives the form of the files.

        Raises:
            SourceError: there are none, or one cannot be read.
        """
        ...

    def with_decimals(
        self, name: str, records: "Iterator[Record]", columns: Any, decimal: str, tell: Tell
    ) -> "Iterator[Record]":
        """Yield the records of a file whose values are all text, its numbers with a point before the fraction.

        Args:
            name: the file's, for messages.
            decimal: the character before the fraction of a number, or `auto`.
            tell: receives what was detected.

        Raises:
            SourceError: the numbers have two readings.
        """
        ...

    def read(self, where: str, value: Any, columns: Any) -> Any:
        """Turn a source's value into a label; None if it is missing, `Unreadable` if a rule is to find it.

        Raises:
            SourceError: the value cannot be a label of this kind; the message names value, rule and remedy.
        """
        ...

    def from_cell(self, where: str, text: str, columns: Any) -> Any:
        """Turn a cell of data/corrections.csv into a label; as `read` otherwise."""
        ...

    def key(self, label: Any) -> str:
        """Return a string that equal labels share."""
        ...


class RecordReader(Protocol):
    """Reads a file in a target's own format. Args: tell: receives what was passed over."""

    def __call__(self, path: Path, columns: Any, tell: Tell) -> Iterator[Record]: ...


class TreeReader(Protocol):
    """Yields the names of the files of a folder that are to be read. Args: tell: receives what was passed over."""

    def __call__(self, folder: Path, columns: Any, tell: Tell) -> Iterator[str]: ...
