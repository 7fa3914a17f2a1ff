"""Which column of a table is the label, and what it holds."""

from collections.abc import Mapping, Sequence
from shlex import quote
from typing import Any

from finetrail.errors import SourceError
from finetrail.starting.asking import Asked
from finetrail.starting.columns import Column
from finetrail.starting.names import DECISIVE, LABELS, rank
from finetrail.starting.sets import delimiter_of

BOOLEAN = "true and false, which are no names of classes"
FEW_VALUES = 20
"""Whole numbers with no more values than these are classes."""
_MOST_CLASSES = 1000
_FLAGS = {"0", "1", "0.0", "1.0"}


def label_of(
    name: str, columns: Sequence[Column], kept: Sequence[Mapping[str, Any]], asked: Asked
) -> tuple[tuple[str, ...], dict[str, str]]:
    """Find the column to learn.

    Args:
        name: the table's, for messages.
        columns: those that may be it.
        kept: rows of the table.

    Returns:
        The column, or several: of 0 and 1 that are one label, or those that a person named; none if there is none. And
        columns that say the same in another way, with the reason.

    Raises:
        ConfigError: it cannot be told, and nobody is there to ask.
    """
    if asked.labels:
        return asked.labels, {}
    flags = tuple(column.name for column in columns if is_flag(column))
    candidates = [
        column for column in columns if can_be_label(column, kept) and not (len(flags) > 2 and column.name in flags)
    ]
    passed: dict[str, str] = {}
    for one in candidates:
        for other in candidates:
            if one.is_numeric and not other.is_numeric and _say_the_same(one.name, other.name, kept):
                passed[one.name] = f"numbers the values of {other.name!r}"
    candidates = sorted(
        (column for column in candidates if column.name not in passed),
        key=lambda column: (rank(column.name), column.is_numeric, column.distinct),
    )
    if len(flags) > 2 and not (candidates and rank(candidates[0].name) < len(LABELS)):
        return flags, passed
    if not candidates:
        return (), passed
    usual = [column for column in candidates if rank(column.name) < len(LABELS)]
    clear = len(candidates) == 1 or len(usual) == 1 or candidates[0].name.lower() in DECISIVE
    names = [column.name for column in (usual or candidates)]
    if not clear:
        return (asked.choose(f"{name}: which column is the label", names, f"--label {quote(names[0])}"),), passed
    return (names[0],), passed


def is_flag(column: Column) -> bool:
    """Whether it holds 0 and 1."""
    return {*column.counts} <= _FLAGS and column.distinct == 2


def can_be_label(column: Column, kept: Sequence[Mapping[str, Any]]) -> bool:
    """Whether something can be learnt of a column: its values come again, or are numbers."""
    if column.mostly("list"):
        return isinstance(next(iter(column.first or [""])), str)
    if column.is_numeric:
        return column.distinct > 1
    if column.kinds["mapping"] or column.kinds["list of mappings"] or column.distinct < 2:
        return False
    repeats = not column.many and column.distinct <= min(column.filled / 2, _MOST_CLASSES)
    return repeats or delimiter_of(column, kept) is not None


def holds_names(column: Column) -> bool:
    """Whether it holds lists of names."""
    return column.mostly("list") and isinstance(next(iter(column.first or [""])), str | int)


def holds_numbers(column: Column) -> bool:
    """Whether a label is a number: of a fraction, or of more values than classes usually have."""
    return column.is_numeric and (not column.mostly("whole") or column.many or column.distinct > FEW_VALUES)


def said_of(column: Column, kept: Sequence[Mapping[str, Any]], asked: Asked) -> str:
    """What a label holds, for people."""
    said = "as you said, " if column.name in asked.labels else ""
    delimiter = delimiter_of(column, kept)
    if holds_numbers(column):
        return f"{said}numeric" + (f", about {column.whole[0]} to {column.whole[1]}" if column.whole else "")
    if column.mostly("list"):
        return f"{said}lists of names"
    if delimiter:
        return f"{said}names with {delimiter!r} between them"
    return f"{said}{column.distinct} values: {column.scale}"


def _say_the_same(one: str, other: str, kept: Sequence[Mapping[str, Any]]) -> bool:
    """Whether two columns divide rows in the same way."""
    both = {(str(row.get(one)), str(row.get(other))) for row in kept}
    return len(both) == len({a for a, _ in both}) == len({b for _, b in both}) < len(kept)


def refuse_booleans(name: str, columns: Sequence[str]) -> None:
    """Raise SourceError if all that could be a label holds true and false."""
    if columns:
        raise SourceError(
            f"{name}: {columns[0]!r} holds {BOOLEAN}; write names, such as yes and no, or 1 and 0 in the file"
        )
