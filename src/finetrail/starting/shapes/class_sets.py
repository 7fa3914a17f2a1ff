"""A table whose label is any number of classes: a list, a string with a delimiter, or a column of 0 and 1 for each."""

from typing import Any

from finetrail.starting.labels import holds_names, is_flag
from finetrail.starting.looking import Data
from finetrail.starting.roles import Roles
from finetrail.starting.sets import delimiter_of
from finetrail.starting.shapes.tabular import Tabular
from finetrail.starting.tables import Table


class _Sets(Tabular):
    task = ("text-classification", "multi_label_classification")
    recipe = "own-table"
    looks = "a table with a text and a list of classes in each row, or a column of 0 and 1 for each class"

    def fits(self, data: Data, table: Table, roles: Roles) -> bool:
        column = table.columns[roles.label[0]]
        if len(roles.label) > 1:
            return all(is_flag(table.columns[one]) for one in roles.label)
        if column.mostly("list"):
            return holds_names(column)
        return delimiter_of(column, table.kept) is not None

    def columns(self, data: Data, table: Table, roles: Roles) -> dict[str, Any]:
        found = super().columns(data, table, roles)
        if len(roles.label) > 1:
            return found | {"label": list(roles.label)}
        delimiter = delimiter_of(table.columns[roles.label[0]], table.kept)
        return found | ({"delimiter": delimiter} if delimiter else {})


class _OfImages(_Sets):
    task = ("image-classification", "multi_label_classification")
    recipe = "own-image-sets"
    looks = "a folder with a table of image files and the classes of each"
    reads = "image"


SHAPES = (_Sets(), _OfImages())
