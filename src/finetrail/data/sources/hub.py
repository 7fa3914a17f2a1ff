"""Data sets of the Hugging Face hub, as the `datasets` library loads them."""

from collections.abc import Iterator
from typing import Any

from finetrail.data.sources.columns import OFFICIAL, Columns, Record, SplitName
from finetrail.errors import SourceError
from finetrail.locations import hub_name, unreachable

Found = tuple[str, SplitName, Iterator[Record]]
"""A part's name, its official split, and its rows."""


def hub_records(address: str, config: str | None, split: SplitName | None, columns: Columns) -> Iterator[Found]:
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
    yield from records_of(name, loaded, split, columns)


def records_of(name: str, loaded: Any, split: SplitName | None, columns: Columns) -> Iterator[Found]:
    """Yield the parts of a `datasets.DatasetDict`; class numbers become the names in its features.

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
        missing = [column for column in columns.names if column not in data.column_names]
        if missing:
            raise SourceError(
                f"{name}: no column {missing[0]!r}; it has {', '.join(data.column_names)}; set source.columns"
            )
        data = data.select_columns(columns.names)
        for column in [name for name in columns.contents if name in data.column_names]:
            if isinstance(data.features[column], Image):
                data = data.cast_column(column, Image(decode=False))  # bytes and path, as they are stored
        yield f"{name}/{part}", official, _records(data, columns)


def _records(data: Any, columns: Columns) -> Iterator[Record]:
    for number, record in enumerate(data, start=1):
        yield number, record | {column: _named(data.features[column], record[column]) for column in columns.labels}


def _named(feature: Any, value: Any) -> Any:
    """Replace class numbers in a value by the class names, in lists too; -1 means missing."""
    from datasets import ClassLabel

    if isinstance(feature, ClassLabel) and isinstance(value, int):
        return feature.int2str(value) if value >= 0 else None
    inner = feature[0] if isinstance(feature, list) and feature else getattr(feature, "feature", None)
    if inner is not None and isinstance(value, list):
        return [_named(inner, one) for one in value]
    return value
