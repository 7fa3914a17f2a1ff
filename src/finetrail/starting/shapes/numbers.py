"""A table whose label is a number, of a text or of an image."""

from collections.abc import Iterator

from finetrail.starting.labels import holds_numbers
from finetrail.starting.looking import Data
from finetrail.starting.roles import Roles
from finetrail.starting.shape import Choice, Seen
from finetrail.starting.shapes.tabular import Tabular, over_classes
from finetrail.starting.tables import Table


class _Numbers(Tabular):
    task: tuple[str, str | None] = ("text-regression", None)
    recipe = "own-numbers"
    looks = "a table with a text and a number in each row"

    def fits(self, data: Data, table: Table, roles: Roles) -> bool:
        column = table.columns[roles.label[0]]
        asked = data.asked.task == self.task[0]
        return len(roles.label) == 1 and column.is_numeric and column.distinct > 1 and (asked or holds_numbers(column))


class _OfImages(_Numbers):
    task = ("image-regression", None)
    recipe = "imagefolder-mobilenet"
    looks = "a folder with a table of image files and a number for each"
    reads = "image"

    def params(self, data: Data, seen: Seen) -> Iterator[Choice]:
        yield from super().params(data, seen)
        yield from over_classes("rmse", "of numbers")


SHAPES = (_Numbers(), _OfImages())
