"""A number as a source has it."""

import math
import re
from typing import Any

from finetrail.data.canonical import is_missing
from finetrail.data.store.raw import Unreadable
from finetrail.errors import SourceError

# As tables, JSON and Python write a number. `float` takes more: 1_000, nan, infinity, and digits of other scripts.
_NUMBER = re.compile(r"\s*[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?\s*")


def to_number(label: object) -> float | None:
    """The finite number that a text is, or None."""
    if not isinstance(label, str) or not _NUMBER.fullmatch(label):
        return None
    value = float(label)
    return value + 0.0 if math.isfinite(value) else None  # -0 is 0


def read_number(where: str, value: Any) -> float | Unreadable | None:
    """A label that is a number; None where it is missing, `Unreadable` where it is text but not a finite number.

    Raises:
        SourceError: the value is a list, a mapping, bytes or a boolean.
    """
    if is_missing(value):
        return None
    if isinstance(value, Unreadable):
        return value
    if isinstance(value, str):
        number = to_number(value)
        return Unreadable(value) if number is None else number
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return float(value) + 0.0 if math.isfinite(value) else Unreadable(value)
    what = "a boolean" if isinstance(value, bool) else f"a {type(value).__name__}"
    raise SourceError(
        f"{where}: label {str(value)[:60]!r} is {what}, but the labels of this task are numbers; name another "
        "column in source.columns.label, or use another task"
    )
