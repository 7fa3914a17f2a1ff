"""Preference pairs: two answers to one conversation, of which people preferred one. A label is a mapping of both."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from finetrail.data.canonical import canonical
from finetrail.data.store.raw import Unreadable
from finetrail.errors import SourceError

CHOSEN, REJECTED = "chosen", "rejected"
SIDES = (CHOSEN, REJECTED)


def read_pair(where: str, value: Any) -> Any:
    """Both answers of a pair; None where there is neither, `Unreadable` where a rule is to find what is wrong.

    Raises:
        SourceError: the value is something else.
    """
    if value is None or isinstance(value, Unreadable):
        return value
    if isinstance(value, Mapping) and all(isinstance(value.get(side), str) for side in SIDES):
        return {side: value[side] for side in SIDES}
    raise SourceError(
        f'{where}: {str(value)[:60]!r} is no pair of answers; write it as {{"chosen": "...", "rejected": "..."}}'
    )


def read_cell(where: str, text: str) -> Any:
    """A pair in a cell of data/corrections.csv, as `key_of` writes it. Raises: SourceError: it is none."""
    try:
        value = json.loads(text)
    except ValueError:
        value = text
    return read_pair(where, value)


def key_of(pair: Any) -> str:
    """A string that equal pairs share. Raises: TypeError: not a pair."""
    if not isinstance(pair, Mapping):
        raise TypeError(f"{pair!r} is no pair of answers")
    return json.dumps({side: pair[side] for side in SIDES}, ensure_ascii=False)


def compared_key(key: str) -> str | None:
    """The form in which pairs are compared, from what `key_of` wrote; None where there is no pair."""
    try:
        pair = json.loads(key)
        return json.dumps([canonical(pair[side]) for side in SIDES], ensure_ascii=False)
    except (ValueError, KeyError, TypeError):
        return None


def chosen_of(labels: Sequence[Mapping[str, str]]) -> list[str]:
    """The chosen answers."""
    return [label[CHOSEN] for label in labels]
