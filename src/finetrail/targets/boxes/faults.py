"""The facts about the boxes of a row that its rules check, and what is wrong with the boxes alone."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from finetrail.data.store.content import Kind
from finetrail.targets.boxes.reading import Annotation, Box, boxes_of

FAULTS: dict[str, tuple[str, str]] = {
    "wrong_corners": ("Every box has its left edge left of its right one", "with a box whose corners are swapped"),
    "no_area": ("Every box has an area", "with a box without an area"),
    "repeated_box": ("No image has a box twice", "with a box that is there twice"),
    "crowd": ("No box stands for a crowd", "with a box that stands for a crowd"),
}
"""What each rule about the boxes of a row alone expects, and what is wrong with those that it finds."""
FACTS: dict[str, Kind] = {
    "boxes": "int64",
    **dict.fromkeys(("box_left", "box_top", "box_right", "box_bottom", "box_side"), "float64"),
    **dict.fromkeys(("drawn_width", "drawn_height"), "int64"),
    **dict.fromkeys(FAULTS, "string"),
}


def facts_of(label: Any) -> dict[str, object]:
    """The facts about the label of a row that its rules check."""
    found: dict[str, object] = dict.fromkeys(FACTS)
    if label is None:
        return found
    boxes = boxes_of(label)
    found["boxes"] = len(boxes)
    if isinstance(label, Annotation) and label.drawn_on:
        found["drawn_width"], found["drawn_height"] = label.drawn_on
    if boxes:
        found |= {
            "box_left": min(box.xmin for box in boxes),
            "box_top": min(box.ymin for box in boxes),
            "box_right": max(box.xmax for box in boxes),
            "box_bottom": max(box.ymax for box in boxes),
        }
    # A box without an area is found by a rule of its own.
    sides = [min(box.xmax - box.xmin, box.ymax - box.ymin) for box in boxes]
    found["box_side"] = min((side for side in sides if side > 0), default=None)
    return found | _faults(boxes, sides)


def _faults(boxes: Sequence[Box], sides: Sequence[float]) -> dict[str, str | None]:
    def first(found: list[Box]) -> str | None:
        return f"{found[0]}" + (f" and {len(found) - 1} more" if len(found) > 1 else "") if found else None

    swapped = [box for box, side in zip(boxes, sides, strict=True) if side < 0]
    flat = [box for box, side in zip(boxes, sides, strict=True) if side == 0]
    twice = [box for box, times in Counter(boxes).items() if times > 1]
    crowds = [box for box in boxes if box.crowd]
    return dict(zip(FAULTS, map(first, (swapped, flat, twice, crowds)), strict=True))
