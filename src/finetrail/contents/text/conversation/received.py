"""Conversations to answer: from a file, or as callers send them."""

import json
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from finetrail.contents.text.conversation.source import TurnColumns
from finetrail.contents.text.conversation.stored import NAME
from finetrail.contents.text.conversation.turns import ROLES, SHOWN, SYSTEM, USER, Turn, divided, said_by, turns_of
from finetrail.contents.text.received import refuse_bad
from finetrail.data.canonical import is_blank, is_missing
from finetrail.data.sources.columns import Columns
from finetrail.data.sources.headers import has_columns
from finetrail.data.sources.raw_rows import RawRow, read_raw
from finetrail.data.sources.unlabelled import PLAIN, Reading, Unlabelled, kind_of
from finetrail.errors import SourceError

PROMPT = "prompt"
SENT = {NAME: "list[{role: string, content: string}]?", PROMPT: "string?", SYSTEM: "string?"}
"""What callers send: a conversation, or a text of the user and perhaps one of the system."""


def unlabelled_conversations(
    path: Path, columns: Sequence[str], source: Columns | None, reading: Reading = PLAIN
) -> Iterator[Unlabelled]:
    """The conversations of a table, each in front of its answer, if it has one; a damaged row comes with its problem.

    Args:
        columns: one, under whose name the results show a conversation; without `source` it holds conversations, if it
            is called `messages`, else texts of the user or lists of turns.
        source: section `source.columns` of the training data.

    Raises:
        SourceError: the file is missing or cannot be read, or lacks a column.
    """
    kind = kind_of(path, "a CSV, TSV, JSONL or Parquet file")
    (name,) = columns
    laid_out = source if isinstance(source, TurnColumns) else None
    names = [name]
    if laid_out is not None:
        names = [*laid_out.asked(partial(has_columns, path, kind, reading.csv))]
    for row in read_raw(path, names, reading.keep, reading.csv):
        turns, problem = _turns(row, name, laid_out)
        kept = {one: row.values.get(one) for one in reading.keep}
        given = {name: json.dumps(turns, ensure_ascii=False) if turns else ""}
        yield Unlabelled(row.number, given, None if problem else turns, problem, kept)


def _turns(row: RawRow, name: str, columns: TurnColumns | None) -> tuple[list[Turn], str]:
    """What stands in front of the answer in a row, and why there is nothing; the second is empty if there is."""
    if row.problem:
        return [], row.problem
    try:
        if columns is not None:
            said = columns.turns("", row.values, answered=False)
        else:
            said = _in_column(name, row.values.get(name))
    except SourceError as error:
        return [], str(error)
    turns = divided(said or [])[0]
    return turns, why_unfit(turns)


def receive_conversations(rows: Sequence[Mapping[str, object]]) -> list[list[Turn]]:
    """Rows as callers send them: `messages`, a list of turns; or `prompt`, a text of the user, and perhaps `system`.

    Raises:
        DataError: a row is no conversation that ends with a user's turn; the message names the first, and counts the
            others.
    """
    found: list[list[Turn]] = []
    bad: dict[int, str] = {}
    for place, row in enumerate(rows):
        try:
            found.append(_received(row))
            problem = why_unfit(found[-1])
        except SourceError as error:
            problem = str(error)
        if problem:
            bad[place] = f": {problem}"
    refuse_bad(bad, len(rows), f"send {NAME} that end with a user's turn, or a {PROMPT}")
    return found


def _received(row: Mapping[str, object]) -> list[Turn]:
    return [
        turn
        for name in (SYSTEM, NAME, PROMPT)
        if not is_missing(row.get(name))
        for turn in _in_column(name, row[name]) or []
    ]


def _in_column(name: str, value: Any) -> list[Turn] | None:
    """The turns in a column, by its name; None where there are none."""
    return turns_of(name, value) if name == NAME else said_by(SYSTEM if name == SYSTEM else USER, name, value)


def why_unfit(turns: Sequence[Turn]) -> str:
    """Why a model cannot answer a conversation; empty if it can. What only misled a training is no reason."""
    if not turns:
        return "no conversation"
    for number, turn in enumerate(turns, start=1):
        if turn["role"] not in ROLES:
            return f"turn {number} has role {turn['role'][:SHOWN]!r}, which is none of {', '.join(ROLES)}"
        if is_blank(turn["content"]):
            return f"turn {number} is empty"
    last = turns[-1]["role"]
    return "" if last == USER else f"the last turn is the {last}'s, not the user's"


def unfit(contents: Sequence[Any]) -> dict[int, str]:
    """Why a conversation cannot be answered, by its place."""
    found = {place: why_unfit(turns or []) for place, turns in enumerate(contents)}
    return {place: problem for place, problem in found.items() if problem}
