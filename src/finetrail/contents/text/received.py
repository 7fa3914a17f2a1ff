"""Texts to score: from a file, or as callers send them."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from finetrail.contents.text.stored import parts
from finetrail.data.canonical import is_missing
from finetrail.data.sources.raw_rows import read_raw, why_no_text
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
    """Rows as callers send them, by column.

    Raises:
        DataError: a row lacks a text, or holds something else; the message names the first, and counts the others.
    """
    bad: dict[int, str] = {}
    for place, row in enumerate(rows):
        for name, value in row.items():
            problem = _why_refused(name, value)
            if problem:
                bad.setdefault(place, problem)
    refuse_bad(bad, len(rows), "send a text")
    return [dict(row) if len(row) > 1 else next(iter(row.values())) for row in rows]


def refuse_bad(bad: Mapping[int, str], rows: int, remedy: str) -> None:
    """Raise DataError, if there are bad rows. Args: bad: what is wrong with each, by its place, to follow "row 1"."""
    if bad:
        place = min(bad)
        others = f" (and {len(bad) - 1} more bad rows)" if len(bad) > 1 else ""
        raise DataError(f"row {place + 1} of {rows}{bad[place]}{others}; {remedy}")


def text_faults(contents: Sequence[Any]) -> dict[int, str]:
    """Why a content lacks a text, by its place."""
    found = {place: next(filter(None, map(why_no_text, parts(one))), "") for place, one in enumerate(contents)}
    return {place: problem for place, problem in found.items() if problem}


def _why_refused(name: str, value: object) -> str:
    if is_missing(value):
        return f" has no {name}" if not isinstance(value, str) else f" has an empty {name}"
    problem = why_no_text(value)
    return f": {name} {problem}" if problem else ""
