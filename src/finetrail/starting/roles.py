"""Which column of a table is the text, which the label, and why the others are neither."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from shlex import quote

from finetrail.data.sources.columns import OFFICIAL
from finetrail.errors import ConfigError
from finetrail.starting.asking import Asked
from finetrail.starting.columns import Column
from finetrail.starting.labels import BOOLEAN, FEW_VALUES, can_be_label, label_of, refuse_booleans, said_of
from finetrail.starting.names import PAIRS, TEXTS, is_group, is_id, is_split, is_time
from finetrail.starting.tables import Table

TEXT, LABEL, GROUP, SPLIT, IGNORED = "read", "label", "group", "split", "ignored"
"""What a column is for."""
_CLEAR = 2.0
"""How many times longer a text must be than the next, so that nobody is asked."""
_LEAST_GROUPS = 10


@dataclass(frozen=True)
class Role:
    """What a column is for, and why."""

    column: str
    role: str
    why: str


@dataclass(frozen=True)
class Roles:
    """What the columns of a table are for.

    Attributes:
        texts: the columns to read: one, or several.
        label: the column to learn, or several: 0/1 columns that are one label, or all that a person named.
        group, split: None where a table has none.
        all: a role for each column, in the table's order.
    """

    texts: tuple[str, ...]
    label: tuple[str, ...]
    group: str | None
    split: str | None
    all: tuple[Role, ...]


def roles_of(name: str, table: Table, asked: Asked, readable: Sequence[str] = ()) -> Roles | None:
    """Find out the role of each column.

    Args:
        name: the table's, for messages.
        readable: columns whose values are read from elsewhere, such as paths of files; texts by default.

    Returns:
        None where nothing looks like a label, or nothing like what is read.

    Raises:
        ConfigError: a column that a person named is not there; or it cannot be told, and nobody is there to ask.
        SourceError: the label can only be of a kind that no task has.
    """
    check_named(name, table, asked)
    given = {*asked.text, *asked.labels}
    known = {one.column: one for one in _told_apart(table) if one.column not in given}
    rest = [column for column in table.columns.values() if column.name not in {*known, *asked.labels}]
    if not asked.labels and not any(can_be_label(column, table.kept) for column in rest):
        refuse_booleans(name, [one for one in known if known[one].why == BOOLEAN])
        return None
    refuse_booleans(name, [one for one in asked.labels if table.columns[one].mostly("boolean")])
    texts = readable or asked.text or _texts(name, rest, asked)
    if not texts:
        return None
    open_ones = [column for column in rest if column.name not in texts]
    label, passed = label_of(name, open_ones, table.kept, asked)
    if not label:
        return None
    found = known | {one: Role(one, TEXT, _why_read(table.columns[one], asked)) for one in texts}
    found |= {one: Role(one, IGNORED, why) for one, why in passed.items()}
    found |= {one: Role(one, LABEL, said_of(table.columns[one], table.kept, asked)) for one in label}
    for column in open_ones:
        if column.name not in found:
            found[column.name] = _left(column)
    group, split = (_first(found, role) for role in (GROUP, SPLIT))
    return Roles(tuple(texts), label, group, split, tuple(found[one] for one in table.columns))


def apart(table: Table) -> tuple[str | None, str | None]:
    """The columns of groups and of official splits; None where a table has none."""
    found = {one.column: one for one in _told_apart(table)}
    return _first(found, GROUP), _first(found, SPLIT)


def check_named(name: str, table: Table, asked: Asked) -> None:
    """Raise ConfigError if a column that a person named is not there, or is to be read and learnt."""
    named = [("--text", one) for one in asked.text] + [("--label", one) for one in asked.labels]
    for flag, column in named:
        if column not in table.columns:
            known = ", ".join(map(repr, table.columns))
            raise ConfigError(f"{flag} {column!r}: {name} has no such column; it has {known}; name one of these")
    both = next((one for one in asked.text if one in asked.labels), None)
    if both is not None:
        raise ConfigError(f"--text and --label both name {both!r}, which is read or learnt; leave one of the two out")


def _told_apart(table: Table) -> Iterator[Role]:
    """The columns that are neither text nor label, by what they hold."""
    for column in table.columns.values():
        whole = column.mostly("whole")
        key = column.name
        if not column.filled:
            yield Role(key, IGNORED, "empty")
        elif {value.lower() for value in column.counts} <= {*OFFICIAL} and (is_split(key) or column.distinct > 1):
            yield Role(key, SPLIT, f"names official splits: {column.scale}")
        elif column.distinct == 1:
            yield Role(key, IGNORED, "the same in every row" if not column.missing else "one value, or none")
        elif is_group(key) and column.distinct >= _LEAST_GROUPS and column.again >= column.filled / 2:
            least = f"{column.distinct}{' or more' if column.many else ''}"
            yield Role(key, GROUP, f"{least} values: the rows of each stay in one split")
        elif column.numbers_rows or (is_id(key) and (column.is_unique or (whole and column.distinct > FEW_VALUES))):
            yield Role(key, IGNORED, "tells rows apart")
        elif column.mostly("date") or (is_time(key) and (whole or column.mostly("date", "whole"))):
            yield Role(key, IGNORED, "dates")
        elif column.mostly("address"):
            yield Role(key, IGNORED, "addresses")
        elif column.mostly("boolean"):
            yield Role(key, IGNORED, BOOLEAN)


def _texts(name: str, columns: Sequence[Column], asked: Asked) -> tuple[str, ...]:
    """The longest text; of two that are usually read together, both."""
    by_name = {column.name.lower(): column.name for column in columns if column.is_textual}
    both = next((pair for pair in PAIRS if set(pair) <= set(by_name)), None)
    if both is not None:
        return tuple(by_name[one] for one in both)
    # A label may be a long word: of two columns, the one with more distinct values is the text.
    weights = {
        column.name: column.length * min(1.0, 2 * (1 - column.again / column.filled))
        for column in columns
        if column.is_textual
    }
    ordered = sorted(weights, key=lambda one: -weights[one])
    if not ordered:
        return ()
    close = [one for one in ordered if weights[one] * _CLEAR > weights[ordered[0]]]
    usual = [one for one in close if one.lower() in TEXTS]
    if len(usual) == 1:
        return (usual[0],)
    if len(close) > 1:
        return (asked.choose(f"{name}: which column holds the text", close, f"--text {quote(close[0])}"),)
    return (ordered[0],)


def _why_read(column: Column, asked: Asked) -> str:
    length = (
        f"{column.length:.0f} characters on average"
        if column.is_textual
        else "paths of files" * bool(column.kinds["file"])
    )
    return ", ".join(filter(None, ["as you said" if column.name in asked.text else "", length]))


def _left(column: Column) -> Role:
    if column.kinds["mapping"] or column.kinds["list of mappings"]:
        why = "holds objects"
    elif column.mostly("list"):
        why = "lists of numbers"
    elif column.is_textual and not column.again:
        why = "another text"
    elif column.is_unique:
        why = "each value once"
    else:
        why = f"{'more than ' if column.many else ''}{column.distinct} distinct values; not the label"
    return Role(column.name, IGNORED, why)


def _first(found: Mapping[str, Role], role: str) -> str | None:
    return next((one.column for one in found.values() if one.role == role), None)
