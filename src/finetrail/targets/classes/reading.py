"""A class as a source has it: a name, or a whole number that stands for one."""

import logging
from functools import cache
from typing import Any

from finetrail.data.canonical import is_missing
from finetrail.errors import SourceError

log = logging.getLogger(__name__)


def read_class(where: str, value: Any) -> str | None:
    """The name of a class; None where it is missing.

    A whole number of a column with gaps, which pandas and Arrow write as 3.0, is the class 3.

    Raises:
        SourceError: the value is a list, a mapping, bytes, a boolean, or a number that is not whole.
    """
    if is_missing(value):
        return None
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        raise SourceError(
            f"{where}: label {value!r} is a boolean, but a class is a name or a whole number; write two names, such as "
            "yes and no"
        )
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float) and value.is_integer():
        tell_of_whole_numbers()
        return str(int(value))
    if isinstance(value, float):
        raise SourceError(
            f"{where}: label {value!r} is a number, but a class is a name or a whole number; use a regression task, "
            "or write names"
        )
    raise SourceError(
        f"{where}: label {str(value)[:60]!r} is a {_kind(value)}, but a row has one class; {_remedy(value)}"
    )


def _kind(value: Any) -> str:
    return {"dict": "mapping", "tuple": "list"}.get(type(value).__name__, type(value).__name__)


def _remedy(value: Any) -> str:
    """What to do about a label of another kind: the task that takes it, where one does."""
    if isinstance(value, bytes):
        return "write it as text"
    if isinstance(value, dict):
        return "write one of its values as a column of its own, and name that in source.columns.label"
    if not isinstance(value, (list, tuple)):
        return "write a name"
    if value and isinstance(value[0], (dict, list, tuple)):
        return "spans are the labels of task token-classification"
    return (
        "lists of names are for `task: {name: ..., problem_type: multi_label_classification}`; use it, or write a name"
    )


@cache
def tell_of_whole_numbers() -> None:
    """Once a process: every row of such a column is alike."""
    log.warning("labels such as 3.0 are taken as whole numbers: 3.0 and 3 are one class")
