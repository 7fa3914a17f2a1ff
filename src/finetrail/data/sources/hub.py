"""Data sets of the Hugging Face hub, as the `datasets` library gives them."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from finetrail.data.sources.columns import OFFICIAL, Columns, SplitName, row_from
from finetrail.data.sources.folders import read_file
from finetrail.data.store.raw import Row
from finetrail.errors import SourceError
from finetrail.locations import hub_name, unreachable

Convert = Callable[[str, Any], str | bytes | None]


def read_hub(
    address: str, config: str | None, split: SplitName | None, columns: Columns, convert: Convert
) -> Iterator[Row]:
    """The rows of a hub data set. Args: as of `hub_rows`. Raises: SourceError, also if it cannot be fetched."""
    from datasets import DatasetDict, disable_progress_bars, load_dataset

    disable_progress_bars()
    name, revision = hub_name(address)
    try:
        loaded = load_dataset(name, config, revision=revision)
    except Exception as error:  # the client raises a dozen types, of three libraries, for one fact
        raise unreachable(address, error) from error
    if not isinstance(loaded, DatasetDict):
        raise SourceError(f"{address!r} is no data set with splits but {type(loaded).__name__}; name another")
    yield from hub_rows(name, loaded, split, columns, convert)


def hub_rows(name: str, loaded: Any, split: SplitName | None, columns: Columns, convert: Convert) -> Iterator[Row]:
    """The rows of a `datasets.DatasetDict`; class numbers become the names that its features give them.

    Args:
        convert: makes the content of a row out of (the place, for messages; the field's value).

    Raises:
        SourceError: it has no official split, or lacks a column.
    """
    from datasets import ClassLabel, Image

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
        if isinstance(data.features[columns.content], Image):
            data = data.cast_column(columns.content, Image(decode=False))  # bytes and path, as they are stored
        feature = data.features[columns.label]
        for number, record in enumerate(data, start=1):
            if isinstance(feature, ClassLabel) and record[columns.label] is not None:
                record[columns.label] = feature.int2str(record[columns.label]) if record[columns.label] >= 0 else None
            where = f"{name}/{part}, row {number}: column {columns.content!r}"
            record[columns.content] = convert(where, record[columns.content])
            yield row_from(f"{name}/{part}", number, record, official, columns)


def cached_image(where: str, value: Any) -> bytes | None:
    """The bytes of an Image feature: its own, or those of a file that the library fetched.

    Raises:
        SourceError: a path leads out of the library's caches, so the data set would read this machine's files.
    """
    if value is None or isinstance(value, bytes):
        return value
    if not isinstance(value, dict):
        raise SourceError(
            f"{where} holds {str(value)[:60]!r}; it must be an Image feature or bytes; set source.columns"
        )
    path = value.get("path")
    if value.get("bytes") is not None or path is None:
        data: bytes | None = value.get("bytes")
        return data
    from datasets import config
    from huggingface_hub.constants import HF_HUB_CACHE

    caches = [os.path.realpath(cache) for cache in (config.HF_DATASETS_CACHE, HF_HUB_CACHE)]
    real = Path(os.path.realpath(path))
    if not any(real.is_relative_to(cache) for cache in caches):
        raise SourceError(
            f"{where} points to {str(path)[:200]!r}, outside of the data set; use one that holds its images"
        )
    return read_file(real, str(path)) if real.is_file() else None
