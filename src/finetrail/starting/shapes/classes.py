"""A table whose label is one of several classes, of a text, of texts read together, or of an image."""

from collections import Counter

from finetrail.starting.labels import holds_numbers
from finetrail.starting.looking import Data
from finetrail.starting.roles import Roles
from finetrail.starting.sets import delimiter_of
from finetrail.starting.shape import Seen
from finetrail.starting.shapes.tabular import Tabular, with_line
from finetrail.starting.tables import Table


class _Classes(Tabular):
    task = ("text-classification", None)
    recipe = "own-table"
    looks = "a table with a text and a class in each row"

    def fits(self, data: Data, table: Table, roles: Roles) -> bool:
        if len(roles.label) > 1:
            return False
        column = table.columns[roles.label[0]]
        if column.mostly("list") or column.distinct < 2 or column.is_unique:
            return False
        asked = data.asked.task == self.task[0]
        return (asked or not holds_numbers(column)) and not column.many and delimiter_of(column, table.kept) is None

    def recognise(self, data: Data) -> Seen | None:
        seen = super().recognise(data)
        column = data.table.columns[seen.facts["label"]] if data.table and seen else None
        if (
            seen is None
            or column is None
            or not column.is_numeric
            or data.asked.task == self.task[0]
            or column.distinct < 3
        ):
            return seen
        other = self.task[0].replace("classification", "regression")
        return with_line(seen, f"  whole numbers with few values are classes; --task {other} learns them as numbers")

    def classes(self, table: Table, roles: Roles) -> Counter[str]:
        return table.columns[roles.label[0]].counts


class _Pairs(_Classes):
    recipe = "own-pairs"
    looks = "a table with two texts and a class in each row"

    def fits(self, data: Data, table: Table, roles: Roles) -> bool:
        return len(roles.texts) == 2 and super().fits(data, table, roles)


class _OfImages(_Classes):
    task = ("image-classification", None)
    recipe = "imagefolder-mobilenet"
    looks = "a folder with a table of image files and their classes"
    reads = "image"


SHAPES = (_Pairs(), _Classes(), _OfImages())
