"""Data sets as the `datasets` library loads them: from the Hugging Face hub, or as it wrote them into a folder."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from finetrail.data.sources.columns import OFFICIAL, Columns, Record, SplitName, Tell
from finetrail.errors import SourceError
from finetrail.locations import hub_name, unreachable

if TYPE_CHECKING:
    import pyarrow as pa

_SAVED = ("dataset_dict.json", "state.json")
"""What `save_to_disk` writes beside the data."""
Found = tuple[str, SplitName | None, Iterator[Record]]
"""A part's name, its official split if it has one, and its rows."""


def hub_records(
    address: str, config: str | None, split: SplitName | None, columns: Columns, tell: Tell
) -> Iterator[Found]:
    """Yield the parts of a hub data set. Args: as in `records_of`. Raises: SourceError, also if the download fails."""
    from datasets import DatasetDict, disable_progress_bars, load_dataset

    disable_progress_bars()
    name, revision = hub_name(address)
    try:
        loaded = load_dataset(name, config, revision=revision)
    except Exception as error:  # the client raises a dozen types, from three libraries, for one fault
        raise unreachable(address, error) from error
    if not isinstance(loaded, DatasetDict):
        raise SourceError(f"{address!r} is a {type(loaded).__name__}, not a data set with splits; name another")
    yield from records_of(name, loaded, split, columns, tell)


def is_data_set(folder: Path) -> bool:
    """Whether `datasets` reads a folder: one that `save_to_disk` wrote, or one with Parquet files here or in `data`.

    A folder for each class may have a Parquet file beside it, such as a table of facts about the images.
    """
    if _is_saved(folder):
        return True
    classes = [one for one in folder.iterdir() if one.is_dir() and not one.name.startswith(".") and one.name != "data"]
    tables = (path for below in (folder, folder / "data") for path in below.glob("*.parquet"))
    return not classes and next(tables, None) is not None


def folder_records(folder: Path, split: SplitName | None, columns: Columns, tell: Tell) -> Iterator[Found]:
    """Yield the parts of a data set in a folder. A part without a name of its own, which is called train, has no split.

    Args:
        split: the official split that the whole folder is, if it is one.

    Raises:
        SourceError: `datasets` cannot read it, or it lacks a column.
    """
    from datasets import DatasetDict, disable_progress_bars, load_dataset, load_from_disk

    disable_progress_bars()
    try:
        loaded = load_from_disk(str(folder)) if _is_saved(folder) else load_dataset(str(folder), streaming=True)
    except Exception as error:  # the library raises a dozen types for one fault
        raise SourceError(
            f"{folder.name} cannot be read as a data set ({' '.join(str(error).split())[:200]}); write it again"
        ) from error
    parts = dict(loaded) if isinstance(loaded, dict) else {"train": loaded}
    alone = list(parts) == ["train"]
    for part, official, records in records_of(folder.name, DatasetDict(parts), None if alone else split, columns, tell):
        yield part, split if alone else official, records


def _is_saved(folder: Path) -> bool:
    return any((folder / name).exists() for name in _SAVED)


def features_of(schema: "pa.Schema") -> dict[str, Any]:
    """What `datasets` noted about the columns of a Parquet file, by column; empty where another program wrote it."""
    if b"huggingface" not in (schema.metadata or {}):
        return {}
    from datasets import Features

    return dict(Features.from_arrow_schema(schema))


def records_of(name: str, loaded: Any, split: SplitName | None, columns: Columns, tell: Tell) -> Iterator[Found]:
    """Yield the parts of a `datasets.DatasetDict`; class numbers become the names in its features.

    Args:
        tell: receives which columns were chosen, where a kind goes by those that there are.

    Raises:
        SourceError: it has no official split, or lacks a column.
    """
    from datasets import Image

    found = {part: OFFICIAL.get(str(part).lower()) for part in loaded}
    wanted = {part: official for part, official in found.items() if official and split in (None, official)}
    if not wanted:
        asked = split or "train, val or test"
        raise SourceError(f"{name} has no split {asked}; it has {', '.join(map(str, found))}; name another data set")
    for part, official in wanted.items():
        data = loaded[part]
        known = set(data.column_names)
        names = columns.wanted(f"{name}/{part}", known.issuperset, tell)
        missing = [column for column in names if column not in known]
        if missing:
            raise SourceError(
                f"{name}: no column {missing[0]!r}; it has {', '.join(data.column_names)}; set source.columns"
            )
        data = data.select_columns(names)
        for column in [name for name in (*columns.contents, *columns.labels) if name in data.column_names]:
            if isinstance(data.features[column], Image):
                data = data.cast_column(column, Image(decode=False))  # bytes and path, as they are stored
        yield f"{name}/{part}", official, _records(data, columns)


def _records(data: Any, columns: Columns) -> Iterator[Record]:
    for number, record in enumerate(data, start=1):
        yield number, record | {column: named(data.features[column], record[column]) for column in columns.labels}


def named(feature: Any, value: Any) -> Any:
    """Replace class numbers in a value by the class names, in lists too; -1 means missing."""
    from datasets import ClassLabel

    if isinstance(feature, ClassLabel) and isinstance(value, int):
        return feature.int2str(value) if value >= 0 else None
    inner = feature[0] if isinstance(feature, list) and feature else getattr(feature, "feature", None)
    if inner is not None and isinstance(value, list):
        return [named(inner, one) for one in value]
    return value
