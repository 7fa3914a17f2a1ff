"""Section `source` of params.yaml: labelled texts or images out of files, folders, packages and hub data sets."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from finetrail.contents.image.pixel_tables import read_pixels
from finetrail.contents.image.stored import IMAGE
from finetrail.contents.image.values import FieldReader
from finetrail.contents.text.stored import TEXT, as_text
from finetrail.data.sources.archives import member_names, read_members
from finetrail.data.sources.columns import ImageColumns, SplitName, TextColumns, row_from
from finetrail.data.sources.folders import file_names, read_files, read_texts
from finetrail.data.sources.hub import Convert, cached_image, read_hub
from finetrail.data.sources.layout import find_layout, folders_of
from finetrail.data.sources.tables import Record, read_csv, read_jsonl, read_parquet
from finetrail.data.store.content import Content
from finetrail.data.store.raw import Row
from finetrail.errors import ConfigError, SourceError
from finetrail.locations import locate
from finetrail.settings import Settings

SUFFIXES: dict[str, Literal["csv", "tsv", "jsonl", "parquet"]] = {
    ".csv": "csv",
    ".tsv": "tsv",
    ".tab": "tsv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "jsonl",
    ".parquet": "parquet",
}
ARCHIVES = (".zip", ".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tar.xz", ".txz")
ROWS_AT_ONCE = 256  # of a Parquet file: a row may hold megabytes

Place = tuple[SplitName | None, str]


class _Place(Settings):
    """What sources have in common. Give either `path` or `splits`."""

    path: str | None = None
    splits: dict[SplitName, str] | None = None
    config: str | None = None
    skip_rows: int = Field(0, ge=0)
    limit: dict[Literal["train", "val", "test", "all"], Annotated[int, Field(ge=1)]] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _one_place(self) -> Self:
        if (self.path is None) == (not self.splits):
            raise ValueError("give either `path` or `splits`, one of the two")
        return self

    @property
    def addresses(self) -> list[str]:
        """All that is named, in its order."""
        return [address for _, address in self._places]

    @property
    def _places(self) -> list[Place]:
        return [(None, self.path)] if self.path else [*(self.splits or {}).items()]


class TextSource(_Place):
    """Where labelled texts come from.

    Attributes:
        path: a file, a folder of text files by class, a pypi:// or an hf://datasets/ address.
        splits: the same, one address for each official split.
        config: the configuration of a hub data set, where it has several.
        format: `auto` goes by the file's ending.
        columns: which columns hold text, label, group and split.
        skip_rows: rows to pass over after the header, for formats with more than one header line.
        limit: keep at most so many rows of a split (of `all`, without official splits), those with the smallest hashes.
    """

    format: Literal["auto", "csv", "tsv", "jsonl", "parquet", "folder"] = "auto"
    columns: TextColumns = TextColumns()

    @property
    def content(self) -> Content:
        return TEXT

    def read(self, root: Path) -> Iterator[Row]:
        """Yield every example. Args: root: the folder that paths start from.

        Raises:
            SourceError: a file is missing, empty, not UTF-8, cannot be parsed, or lacks a column.
        """
        for split, address in self._places:
            if address.startswith("hf://datasets/"):
                yield from read_hub(address, self.config, split, self.columns, as_text)
                continue
            path = locate(address, root)
            kind = _kind(address, path, self.format, ("csv", "tsv", "jsonl", "parquet", "folder"))
            if kind == "folder":
                yield from read_texts(path, split)
            else:
                yield from _table_rows(path, kind, split, self, as_text)


Source = TextSource


class ImageSource(_Place):
    """Where labelled images come from. JPEG, PNG, WebP, BMP, GIF and TIFF are known.

    Attributes:
        path: a folder or archive with a folder for each class, a table, a pypi:// or an hf://datasets/ address.
        splits: the same, one address for each official split.
        config: the configuration of a hub data set, where it has several.
        format: `auto` goes by the file's ending. `archive` is a zip or a tar; `pixels` is a CSV file of grey values.
        columns: which columns of a table hold image, label, group and split.
        skip_rows: rows to pass over after the header, for formats with more than one header line.
        limit: keep at most so many rows of a split (of `all`, without official splits), those with the smallest hashes.
    """

    format: Literal["auto", "folder", "archive", "csv", "tsv", "jsonl", "parquet", "pixels"] = "auto"
    columns: ImageColumns = ImageColumns()

    @property
    def content(self) -> Content:
        return IMAGE

    def read(self, root: Path) -> Iterator[Row]:
        """Yield every example. Args: root: the folder that paths start from.

        Raises:
            SourceError: a file is missing, cannot be parsed, lacks a column, or leads to places that it should not.
        """
        for split, address in self._places:
            if address.startswith("hf://datasets/"):
                yield from read_hub(address, self.config, split, self.columns, cached_image)
                continue
            path = locate(address, root)
            known = ("folder", "archive", "csv", "tsv", "jsonl", "parquet", "pixels")
            kind = _kind(address, path, self.format, known)
            if kind == "folder":
                yield from _tree_rows(path, split, file_names, read_files)
            elif kind == "archive":
                yield from _tree_rows(path, split, member_names, read_members)
            elif kind == "pixels":
                yield from read_pixels(path, split, self.columns)
            else:
                yield from _table_rows(path, kind, split, self, FieldReader(path.parent))


def _kind(address: str, path: Path, given: str, known: tuple[str, ...]) -> str:
    """The format as given, or by the file's ending."""
    kind, name = given, path.name.lower()
    if kind == "auto" and path.is_dir():
        kind = "folder"
    elif kind == "auto" and "archive" in known and name.endswith(ARCHIVES):
        kind = "archive"
    elif kind == "auto" and "pixels" in known and name.endswith(".csv.gz"):
        kind = "pixels"
    elif kind == "auto":
        kind = SUFFIXES.get(path.suffix.lower(), "auto")
    if kind == "auto":
        raise ConfigError(
            f"{path.name!r}: cannot tell its format from {path.suffix!r}; set source.format to one of "
            f"{', '.join(known)}"
        )
    if (kind == "folder") != path.is_dir():
        found = "folder" if path.is_dir() else "file"
        raise ConfigError(f"{address!r} is a {found}, but source.format is {kind!r}; correct one of the two")
    return kind


def _tree_rows(
    path: Path,
    split: SplitName | None,
    names: Callable[[Path], Iterator[str]],
    read: Callable[[Path], Iterator[tuple[str, bytes]]],
) -> Iterator[Row]:
    """Every file is a row, so that what is no image is put aside by name; only hidden files are passed over."""
    layout = find_layout(path.name, {folders for folders, litter in map(folders_of, names(path)) if not litter}, split)
    for number, (name, data) in enumerate(read(path), start=1):
        folders, litter = folders_of(name)
        placed = None if litter else layout.place(folders)
        if placed is not None:
            yield Row(name, number, data, *placed)


def _table_rows(
    path: Path, kind: str, split: SplitName | None, source: TextSource | ImageSource, convert: Convert
) -> Iterator[Row]:
    columns = source.columns
    if path.stat().st_size == 0:
        raise SourceError(
            f"{path.name} is empty (0 bytes); it needs the columns {', '.join(columns.names)} and some rows"
        )
    records: Iterator[Record]
    if kind == "parquet":
        records = read_parquet(path, columns.names, ROWS_AT_ONCE)
    elif kind == "jsonl":
        records = read_jsonl(path, columns.names)
    else:
        records = read_csv(path, columns.names, "\t" if kind == "tsv" else ",", source.skip_rows)
    empty = True
    for number, record in records:
        empty = False
        where = f"{path.name}, row {number}: column {columns.content!r}"
        content = convert(where, record[columns.content])
        yield row_from(path.name, number, record | {columns.content: content}, split, columns)
    if empty:
        raise SourceError(f"{path.name} has no rows, only a header; add labelled examples")
