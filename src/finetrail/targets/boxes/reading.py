"""Boxes as sources write them, read as xyxy in pixels of the upright image."""

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from finetrail.data.canonical import is_missing
from finetrail.errors import SourceError

CORNERS = ("xmin", "ymin", "xmax", "ymax")
_LABELS = ("label", "category", "class", "name", "category_id")
_LISTS = ("labels", "categories", "label", "category", "category_id", "classes")
_REMEDY = (
    "write a list of {label, xmin, ymin, xmax, ymax}, or {bbox, categories} with source.columns.box for the form of a "
    "bbox"
)


class Box(NamedTuple):
    """A box in pixels of the upright image; right and bottom edges are not part of it.

    Attributes:
        crowd: whether it stands for many objects: no model is asked to find it, and finding it is no mistake.
    """

    label: str
    xmin: float
    ymin: float
    xmax: float
    ymax: float
    crowd: bool = False

    def __str__(self) -> str:
        corners = ", ".join(f"{value:g}" for value in self[1:5])
        return f"{self.label} ({corners})"


class Annotation(list[dict[str, Any]]):
    """The label of a row, with what its annotation says besides boxes.

    Attributes:
        drawn_on: width and height that it gives the image; None where it gives none.
    """

    drawn_on: tuple[int, int] | None = None

    @staticmethod
    def of(boxes: Iterable[Box], drawn_on: tuple[int, int] | None = None) -> "Annotation":
        """Args: drawn_on: (0, 0), as some tools write, says nothing."""
        made = Annotation(box._asdict() for box in boxes)
        made.drawn_on = drawn_on if drawn_on and all(drawn_on) else None
        return made


def boxes_of(label: Iterable[Mapping[str, Any]]) -> list[Box]:
    """The boxes of a label, which may say more of each object."""
    return [Box(**{name: box[name] for name in Box._fields if name in box}) for box in label]


def read_boxes(where: str, value: Any, form: str, classes: Sequence[str] | None) -> Annotation | None:
    """The label in a field; None where it is missing.

    Args:
        form: of a `bbox`: see `corners_of`.
        classes: names by number, from 0.

    Raises:
        SourceError: it holds no boxes.
    """
    if isinstance(value, Annotation):
        return value
    if isinstance(value, str) and value.lstrip().startswith(("[", "{")):
        value = _parsed(where, value)
    if isinstance(value, Mapping):
        value = _beside(where, value)
    if isinstance(value, list | tuple) or hasattr(value, "tolist"):
        return Annotation.of(_box(where, one, form, classes) for one in value)
    if is_missing(value):
        return None
    raise _refusal(where, value)


def corners_of(where: str, box: Any, form: str) -> tuple[float, float, float, float]:
    """The corners of a box.

    Args:
        form: `xyxy`: corners; `xywh`: corner, width and height; `cxcywh`: centre, width and height.

    Raises:
        SourceError: it is not four numbers.
    """
    values = box.tolist() if hasattr(box, "tolist") else box
    if not isinstance(values, list | tuple) or len(values) != 4:
        raise _refusal(where, box)
    one, two, three, four = (number_of(where, value) for value in values)
    if form == "xywh":
        return one, two, one + three, two + four
    if form == "cxcywh":
        return one - three / 2, two - four / 2, one + three / 2, two + four / 2
    return one, two, three, four


def number_of(where: str, value: Any) -> float:
    """A finite number. Raises: SourceError: it is none."""
    try:
        found = float(value)
    except (TypeError, ValueError):
        found = math.nan
    if isinstance(value, bool) or not math.isfinite(found):
        raise SourceError(f"{where}: a corner is {str(value)[:40]!r}, but corners are finite numbers; correct it")
    return found


def name_of(where: str, value: Any, classes: Sequence[str] | None) -> str:
    """The name of a class, that may be given by its number. Raises: SourceError: there is no such class."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, int) and not isinstance(value, bool) and classes is not None:
        if 0 <= value < len(classes):
            return classes[value]
        raise SourceError(
            f"{where}: class {value} is unknown: there are {len(classes)}, counted from 0; correct it, or set "
            "source.columns.classes"
        )
    name = "" if is_missing(value) else str(value).strip()
    if not name:
        raise SourceError(f"{where}: a box has the class {value!r}, but each needs a name; correct it")
    return name


def _parsed(where: str, text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError as error:
        raise _refusal(where, text) from error


def _beside(where: str, value: Mapping[str, Any]) -> list[Any]:
    """Boxes whose parts are lists of their own: `bbox` and `categories`, as Hugging Face writes them."""
    boxes, names = value.get("bbox"), next((value[name] for name in _LISTS if value.get(name) is not None), None)
    if boxes is None or names is None or len(boxes) != len(names):
        raise _refusal(where, value)
    crowds = value.get("iscrowd")
    crowds = [False] * len(names) if crowds is None else crowds
    if len(crowds) != len(names):
        raise _refusal(where, value)
    return [
        {"bbox": box, "label": name, "iscrowd": crowd} for box, name, crowd in zip(boxes, names, crowds, strict=True)
    ]


def _box(where: str, value: Any, form: str, classes: Sequence[str] | None) -> Box:
    if isinstance(value, list | tuple) and len(value) == 6 and isinstance(value[0], str):  # as a key has it
        return Box(name_of(where, value[0], None), *corners_of(where, value[1:5], "xyxy"), crowd=bool(value[5]))
    if not isinstance(value, Mapping):
        raise _refusal(where, value)
    label = next((value[name] for name in _LABELS if value.get(name) is not None), None)
    crowd = bool(value.get("crowd") or value.get("iscrowd"))
    if "bbox" in value:
        corners = corners_of(where, value["bbox"], form)
    elif all(name in value for name in CORNERS):
        corners = corners_of(where, [value[name] for name in CORNERS], "xyxy")
    else:
        raise _refusal(where, value)
    return Box(name_of(where, label, classes), *corners, crowd=crowd)


def _refusal(where: str, value: Any) -> SourceError:
    shown = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    return SourceError(f"{where}: boxes are {shown[:60]!r}, which cannot be read; {_REMEDY}")
