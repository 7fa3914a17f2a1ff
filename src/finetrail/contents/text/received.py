"""Texts to score: from a file, or as callers send them."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from finetrail.data.sources.columns import is_missing
from finetrail.data.sources.one_column import read_raw
from finetrail.data.sources.unlabelled import PLAIN, Reading, Unlabelled, kind_of
from finetrail.errors import DataError


def unlabelled_texts(path: Path, columns: Sequence[str], reading: Reading = PLAIN) -> Iterator[Unlabelled]:
    """The texts in columns of a CSV, TSV, JSONL or Parquet file; a row without one comes with its problem.

    Raises:
        SourceError: the file is missing or cannot be read, or lacks a column.
    """
    kind_of(path, "a CSV, TSV, JSONL or Parquet file")
    for row in read_raw(path, columns, reading.keep, reading.csv):
        found = [row.text(column) for column in columns]
        given = {column: text for column, (text, _) in zip(columns, found, strict=True)}
        problem = _problem(columns, [problem for _, problem in found])
        content = given if len(columns) > 1 else next(iter(given.values()))
        kept = {name: row.values.get(name) for name in reading.keep}
        yield Unlabelled(row.number, given, None if problem else content, problem, kept)


def _problem(columns: Sequence[str], problems: Sequence[str]) -> str:
    """What is wrong with a row, by column; a problem of the whole row is said once."""
    if len(set(problems)) == 1:
        return problems[0]
    return "; ".join(
        f"column {column!r}: {problem}" for column, problem in zip(columns, problems, strict=True) if problem
    )


def receive_texts(rows: Sequence[Mapping[str, object]]) -> list[Any]:
    """Rows as callers send them, by column. Raises: DataError: a row lacks a text; the message names it."""
    missing = [(place, name) for place, row in enumerate(rows) for name, value in row.items() if is_none(value)]
    if missing:
        place, name = missing[0]
        others = f" (and {len(missing) - 1} more)" if len(missing) > 1 else ""
        raise DataError(f"row {place + 1} of {len(rows)} has no {name}{others}; send a text")
    texts = [{name: str(value) for name, value in row.items()} for row in rows]
    return [row if len(row) > 1 else next(iter(row.values())) for row in texts]


def is_none(value: object) -> bool:
    """Whether a caller sent nothing: an empty text is a text."""
    return is_missing(value) and not isinstance(value, str)
