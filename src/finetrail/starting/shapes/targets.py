"""A table with two or more labels that a person named: targets that are learnt at once, of a text or of an image."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from finetrail.errors import SourceError
from finetrail.starting.columns import Column
from finetrail.starting.labels import holds_names, holds_numbers, is_flag
from finetrail.starting.looking import Data
from finetrail.starting.names import names_of
from finetrail.starting.roles import Roles
from finetrail.starting.sets import delimiter_of
from finetrail.starting.shape import NOTHING, Choice, Seen
from finetrail.starting.shapes.tabular import Tabular, extra, lengths, over_classes, source
from finetrail.starting.splitting import SMALL_CLASS, divided, kept, rare_ones
from finetrail.starting.tables import Table

_CLASS, _SET, _NUMBER = "single_label_classification", "multi_label_classification", "regression"


@dataclass(frozen=True)
class _Target:
    """One of the labels. Attributes: columns: its own part of section `source.columns`; classes: rows of each."""

    name: str
    kind: str
    columns: Mapping[str, Any]
    classes: Counter[str] = field(default_factory=Counter)


class _Targets(Tabular):
    task = ("text-multi-target", None)
    recipe = "own-targets"
    looks = "a table with a text and two or more labels, each named by a --label of its own"

    def recognise(self, data: Data) -> Seen | None:
        return super().recognise(data) if len(data.asked.labels) > 1 else None

    def fits(self, data: Data, table: Table, roles: Roles) -> bool:
        for name in roles.label:
            _refuse_unlearnable(data.name, table.columns[name])
        return True

    def gaps(self, table: Table, roles: Roles) -> Iterator[str]:
        targets = _targets(table, roles)
        yield "  learnt at once: " + ", ".join(f"{one.name} ({one.kind})" for one in targets)
        for target, column in zip(targets, (table.columns[one] for one in roles.label), strict=True):
            if column.missing:
                yield f"  {column.missing} rows have no label of {target.name}: they teach the others that they have"
            if target.kind == _CLASS and column.is_numeric and column.distinct > 2:
                yield (
                    f"  {target.name}: whole numbers with few values are classes; to learn them as numbers, write "
                    f"problem_type: {_NUMBER} in params.yaml, and {target.name}: {{}} below validation.targets"
                )
            yield from rare_ones(target.classes, f"validation.targets.{target.name}")
        if all(is_flag(table.columns[one]) for one in roles.label):
            task = self.task[0].replace("multi-target", "classification")
            yield f"  columns of 0 and 1 are targets of two classes; --task {task} learns them as one set of classes"

    def params(self, data: Data, seen: Seen) -> Iterator[Choice]:
        table, roles = data.table, data.roles
        assert table is not None  # noqa: S101 - recognised
        assert roles is not None  # noqa: S101
        targets, reasons = _targets(table, roles), {one.column: one.why for one in roles.all}
        yield Choice(("task", "name"), self.task[0])
        for one in targets:
            yield Choice(("task", "targets", one.name), {"problem_type": one.kind})
        yield from source(data, table, {}, roles)
        read = {self.reads: roles.texts[0] if len(roles.texts) == 1 else list(roles.texts)}
        for key, value in (read | extra(roles, seen)).items():
            yield Choice(("source", "columns", key), value, reasons.get(value, "") if isinstance(value, str) else "")
        for one in targets:
            yield Choice(("source", "columns", "targets", one.name), one.columns, reasons[one.columns["label"]])
        yield from divided(seen, roles.group)
        yield Choice(("validation", "targets"), NOTHING)
        for one in targets:
            if one.kind != _NUMBER:
                above = ("validation", "targets", one.name)
                yield Choice((*above, "rare_label"), {"policy": "quarantine", "min_rows": SMALL_CLASS})
                yield from kept(one.classes, above)
        if self.reads == "text":
            yield from lengths([table.columns[one] for one in roles.texts])


class _OfImages(_Targets):
    task = ("image-multi-target", None)
    recipe = "imagefolder-mobilenet"
    looks = "a folder with a table of image files and two or more labels of each, each named by a --label of its own"
    reads = "image"

    def params(self, data: Data, seen: Seen) -> Iterator[Choice]:
        yield from super().params(data, seen)
        yield from over_classes("mean", "over the targets")


def _targets(table: Table, roles: Roles) -> list[_Target]:
    """What is learnt of each label, found as that of a label alone."""
    names = names_of(roles.label)
    return [_target(names[one], table.columns[one], table) for one in roles.label]


def _target(name: str, column: Column, table: Table) -> _Target:
    found = {"label": column.name}
    if holds_numbers(column):
        return _Target(name, _NUMBER, found)
    delimiter = delimiter_of(column, table.kept)
    if delimiter or holds_names(column):
        return _Target(name, _SET, found | ({"delimiter": delimiter} if delimiter else {}))
    return _Target(name, _CLASS, found, column.counts)


def _refuse_unlearnable(table: str, column: Column) -> None:
    """Raise SourceError if a column holds neither classes, sets of classes nor numbers."""
    if holds_names(column) or holds_numbers(column):
        return
    if not column.filled:
        what = "is empty"
    elif column.kinds["mapping"] or column.kinds["list of mappings"] or column.kinds["list"]:
        what = f"holds {'lists of numbers' if column.kinds['list'] else 'objects'}"
    elif column.distinct < 2:
        what = f"has the value {next(iter(column.counts))!r} alone"
    elif column.is_unique or column.many:
        what = "has more values than classes are" if column.many else "has another value in every row"
    else:
        return
    raise SourceError(
        f"{table}: --label {column.name!r} {what}, but a label among several is one of some classes, a set of classes "
        "or a number; name another column, or leave it out"
    )


SHAPES = (_Targets(), _OfImages())
