"""What shapes share whose rows are in a table with a column to read and a column to learn."""

from abc import abstractmethod
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from finetrail.data.scripts import letters_of, most_common
from finetrail.data.sources.columns import OFFICIAL
from finetrail.starting.columns import Column
from finetrail.starting.looking import Data
from finetrail.starting.roles import IGNORED, Roles
from finetrail.starting.shape import NOTHING, Choice, Seen, Shape
from finetrail.starting.splitting import divided, kept
from finetrail.starting.tables import Table

_MOST_SHOWN = 12
_LENGTHS = (32, 64, 128, 256)
_PIECES = 1.4
"""Tokens of a word, about."""


class Tabular(Shape):
    """A table with a column to read, or several, and a label."""

    reads = "text"
    """The key of section `source.columns` that names the columns to read."""

    def recognise(self, data: Data) -> Seen | None:
        roles = data.roles
        if data.table is None or roles is None or bool(data.pictures) != (self.reads == "image"):
            return None
        if not self.fits(data, data.table, roles):
            return None
        facts = self.columns(data, data.table, roles)
        official = official_of(data.table, roles.split)
        columns = [data.table.columns[one] for one in roles.label]
        rows = max(one.filled for one in columns)
        said = [*lines(data, data.table, roles), *self.gaps(data.table, roles)]
        said += _foreign(data.table, roles) if self.reads == "text" else ()
        return Seen(said, rows, self.classes(data.table, roles), official, facts)

    def params(self, data: Data, seen: Seen) -> Iterator[Choice]:
        table, roles = data.table, data.roles
        assert table is not None  # noqa: S101 - recognised
        assert roles is not None  # noqa: S101
        yield from source(data, table, seen.facts | extra(roles, seen), roles)
        yield from divided(seen, roles.group)
        yield from kept(seen.classes)
        if self.reads == "text":
            yield from lengths([table.columns[one] for one in roles.texts])

    @abstractmethod
    def fits(self, data: Data, table: Table, roles: Roles) -> bool:
        """Whether the label is of the shape's kind."""

    def columns(self, data: Data, table: Table, roles: Roles) -> dict[str, Any]:
        """Section `source.columns`, without group and split."""
        read = roles.texts[0] if len(roles.texts) == 1 else list(roles.texts)
        return {self.reads: read, "label": roles.label[0]}

    def classes(self, table: Table, roles: Roles) -> Counter[str]:
        """Rows of each class; empty where labels are no classes."""
        return Counter()

    def gaps(self, table: Table, roles: Roles) -> Iterator[str]:
        """What becomes of rows without a label, for people."""
        missing = max(table.columns[one].missing for one in roles.label)
        if missing:
            yield f"  {missing} rows have no label: validation puts them aside"


def over_classes(metric: str, why: str) -> Iterator[Choice]:
    """Choices that take what holds for one class an image out of the recipe for folders of images."""
    yield Choice(("train", "metric"), metric, why)
    yield Choice(("selection", "metric"), metric)
    yield Choice(("validation", "rare_label"), NOTHING)
    yield Choice(("candidates", "last_layers", "train", "label_smoothing"), NOTHING)


def source(data: Data, table: Table, columns: dict[str, Any], roles: Roles | None = None) -> Iterator[Choice]:
    """Choices for section `source`.

    Args:
        columns: all of section `source.columns`; empty where the names of the table's columns say it all.
        roles: why columns are what they are, where somebody found out.
    """
    (where, address), *_ = data.source.items()
    yield Choice(("source", where), address)
    reasons = {one.column: one.why for one in roles.all} if roles else {}
    why = [f"{one!r}: {reason}" for one in _named(columns) if (reason := reasons.get(one))]
    if columns:
        yield Choice(("source", "columns"), columns, "; ".join(why[:4]))
    if table.unusual:
        yield Choice(("source", "csv"), table.unusual, "; ".join(table.written))


def _named(columns: dict[str, Any]) -> Iterator[str]:
    for value in columns.values():
        yield from [value] if isinstance(value, str) else value


def extra(roles: Roles, seen: Seen) -> dict[str, Any]:
    """The columns of groups and of official splits."""
    found = {"group": roles.group, "split": roles.split if seen.official["test"] else None}
    return {key: column for key, column in found.items() if column}


def lengths(columns: list[Column]) -> Iterator[Choice]:
    """A choice for `backbone.max_tokens`."""
    words = sum(column.words_of_most(0.95) for column in columns)
    if words:
        tokens = next((one for one in _LENGTHS if words * _PIECES <= one), _LENGTHS[-1])
        longer = "" if words * _PIECES <= tokens else "; longer ones are cut: up to 512, and time grows with it"
        yield Choice(("backbone", "max_tokens"), tokens, f"19 of 20 have at most {words} words{longer}")


def lines(data: Data, table: Table, roles: Roles) -> Iterator[str]:
    """What a table holds, for people."""
    written = "".join(f"; {one}" for one in table.written)
    yield f"{data.name}: {table.rows} rows, {len(table.columns)} columns{written}"
    used = [one for one in roles.all if one.role != IGNORED]
    left = [one for one in roles.all if one.role == IGNORED][: max(0, _MOST_SHOWN - len(used))]
    for one in roles.all:
        if one in used or one in left:
            yield f"  {one.column or '(no name)'}: {', '.join(filter(None, [one.role, one.why]))}"
    if len(used) + len(left) < len(roles.all):
        yield f"  and {len(roles.all) - len(used) - len(left)} more columns, ignored"


def _foreign(table: Table, roles: Roles) -> Iterator[str]:
    """Say so where the recipe's backbone was not trained on the script of the texts."""
    texts = [text for row in table.kept for one in roles.texts if isinstance(text := row.get(one), str)]
    script = most_common(letters_of(texts))
    if script not in ("latin", "none"):
        yield (
            f"note: the texts are in {script} script, and the recipe's backbone reads English; set backbone.weights to "
            "a model of that language"
        )


def official_of(table: Table, column: str | None) -> Counter[str]:
    """Rows of each official split."""
    if table.splits:
        return Counter({str(name): rows for name, rows in table.splits.items()})
    found: Counter[str] = Counter()
    for name, rows in (table.columns[column].counts if column else {}).items():
        found[OFFICIAL[name.lower()]] += rows
    return found


def with_line(seen: Seen, line: str) -> Seen:
    """The same with one more line for people."""
    return replace(seen, said=[*seen.said, line])
