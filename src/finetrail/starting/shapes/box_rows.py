"""A table of images, each with a column that lists its boxes, as hub data sets and frames have them."""

from collections import Counter
from collections.abc import Iterator
from typing import Any

from finetrail.data.canonical import is_missing
from finetrail.errors import SourceError
from finetrail.starting.looking import Data
from finetrail.starting.roles import apart, check_named
from finetrail.starting.shape import Choice, Seen, Shape
from finetrail.starting.shapes.boxes import lines
from finetrail.starting.shapes.tabular import official_of, source
from finetrail.starting.splitting import divided
from finetrail.starting.tables import Table
from finetrail.targets.boxes.reading import read_boxes
from finetrail.targets.boxes.settings import BoxColumns

_FORM = BoxColumns().box


class _BoxRows(Shape):
    task = ("object-detection", None)
    recipe = "own-boxes"
    looks = "a table of images with a list of {label, xmin, ymin, xmax, ymax} for each, or {bbox, categories}"

    def recognise(self, data: Data) -> Seen | None:
        table = data.table
        if table is None or not data.pictures:
            return None
        check_named(data.name, table, data.asked)
        label = next((one for one in data.asked.labels or table.columns if _boxes_in(table, one)), None)
        if label is None:
            return None
        group, split = apart(table)
        official = official_of(table, split)
        found = {"image": data.pictures, "label": label, "group": group, "split": split if official["test"] else None}
        boxes = Counter(_boxes_in(table, label))
        part = "" if table.rows == len(table.kept) else f" of {len(table.kept)} of them"
        said = [f"{data.name}: {table.rows} images{part}", *lines(boxes, official, ())]
        if _has_bbox(table, label):
            said.append(f"  each bbox is read as {_FORM}; source.columns.box says otherwise")
        return Seen(said, table.rows, official=official, facts={key: one for key, one in found.items() if one})

    def params(self, data: Data, seen: Seen) -> Iterator[Choice]:
        assert data.table is not None  # noqa: S101 - recognised
        yield from source(data, data.table, seen.facts)
        yield from divided(seen, seen.facts.get("group"))


def _boxes_in(table: Table, column: str) -> list[str]:
    """The class of each box in a column, of the rows that were kept; none where one of them holds something else."""
    try:
        labels = [read_boxes(column, row.get(column), _FORM, None) for row in table.kept]
    except SourceError:
        return []
    return [box["label"] for label in labels for box in label or ()]


def _has_bbox(table: Table, column: str) -> bool:
    """Whether the form of the boxes has to be said."""
    values: Iterator[Any] = (row.get(column) for row in table.kept)
    return any(not is_missing(one) and "bbox" in str(one) for one in values)


SHAPES = (_BoxRows(),)
