"""A set of classes as a source has it: a list, a string with a delimiter, or one 0/1 column per class. No numpy."""

from collections.abc import Mapping, Sequence
from typing import Any

from finetrail.data.canonical import is_blank, is_missing
from finetrail.errors import SourceError

ClassSet = tuple[str, ...]
"""A label: class names, sorted, each once; `()` is a row that has none of the classes."""

_SHOWN = 60  # characters of a value in a message
_MEMBER: Mapping[str, bool] = {"0": False, "1": True, "0.0": False, "1.0": True}


def read(where: str, value: object, delimiter: str | None) -> ClassSet | None:
    """A field of a table as a set of classes.

    Args:
        where: the place, for messages.
        value: a list, tuple, set or array of names or whole numbers; or a string, whose parts are
            stripped, and dropped if nothing is left.
        delimiter: what separates the classes of a string, not empty; None where the source stores lists.

    Returns:
        The set; an empty list or string is the empty set. None where the label is missing (null or NaN).

    Raises:
        SourceError: it is neither.
    """
    value = _plain(value)
    if not isinstance(value, str) and is_missing(value):
        return None
    if isinstance(value, str):
        if delimiter is None:
            raise SourceError(
                f"{where} holds the string {_shown(value)}; no delimiter is declared to separate its classes; "
                "declare one, or store lists"
            )
        return _as_set(where, [part.strip() for part in value.split(delimiter) if not is_blank(part)])
    if not isinstance(value, (list, tuple, set, frozenset)):
        raise SourceError(
            f"{where} holds {_shown(value)} ({type(value).__name__}); a label must be a list of class names, or a "
            "string with a declared delimiter; store one of these"
        )
    return _as_set(where, [_name(where, item) for item in value])


def from_columns(where: str, record: Mapping[str, object], columns: Sequence[str]) -> ClassSet | None:
    """A label in one column per class, which holds 1 if the row has the class and else 0.

    Args:
        where: the place, for messages.
        record: the fields of a row; 0 and 1 may be numbers, strings or booleans.
        columns: at least one; their names are the classes.

    Returns:
        The set. None where the label is missing: all its columns are null, NaN or, as in a CSV file, blank.

    Raises:
        SourceError: a column is absent, some columns are empty and others are not, or a value is neither 0 nor 1.
    """
    absent = [column for column in columns if column not in record]
    if absent:
        raise SourceError(f"{where}: no column {absent[0]!r} for the class of that name; correct the name, or add it")
    values = {column: _field(record[column]) for column in columns}
    if all(map(is_missing, values.values())):
        return None
    return _as_set(where, [column for column, value in values.items() if _is_member(where, column, value)])


def _is_member(where: str, column: str, value: object) -> bool:
    member = _MEMBER.get(value) if isinstance(value, str) else None
    if isinstance(value, (bool, int, float)) and value in (0, 1):
        member = bool(value)
    if member is None:
        raise SourceError(
            f"{where}: column {column!r} holds {_shown(value)}; the column of a class must hold 0 or 1, or all of them "
            "must be empty; correct the value"
        )
    return member


def _name(where: str, item: object) -> str:
    """The class that an item of a list names; 3 and 3.0 are the class `3`."""
    item = _plain(item)
    if isinstance(item, str) and not is_blank(item):
        return item
    if isinstance(item, int) and not isinstance(item, bool):
        return str(item)
    # Tables turn whole numbers into floats where there is a null among them.
    if isinstance(item, float) and item.is_integer():
        return str(int(item))
    raise SourceError(
        f"{where} holds {_shown(item)} in its list; a class must be a non-empty name or a whole number; "
        "correct the list"
    )


def _as_set(where: str, names: Sequence[str]) -> ClassSet:
    for name in names:
        if not name.isascii() and any("\ud800" <= character <= "\udfff" for character in name):
            raise SourceError(
                f"{where} holds {ascii(name)[:_SHOWN]}; a class must be text that can be encoded as UTF-8; correct "
                "the escapes of halved characters"
            )
    return tuple(sorted(set(names)))


def _plain(value: Any) -> object:
    """Python's own objects for those of numpy, which this module does not import."""
    return value.tolist() if hasattr(value, "tolist") else value


def _field(value: object) -> object:
    value = _plain(value)
    return value.strip() if isinstance(value, str) else value


def _shown(value: object) -> str:
    """A value in a message of one line."""
    text = repr(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"
