"""Each rule about boxes finds its own rows and no others, and says what it found."""

from typing import Any

import pandas as pd
import pytest

from finetrail.sections import sections
from finetrail.targets.boxes import BOXES
from finetrail.targets.boxes.faults import facts_of
from finetrail.targets.boxes.reading import Annotation, Box
from finetrail.tasks.registry import get_task

RULES: Any = sections(get_task("object-detection")).model_fields["validation"].annotation
GOOD = Box("cat", 10, 10, 30, 30)
WIDTH, HEIGHT = 100, 60
ROWS: dict[str, Any] = {
    "good": Annotation.of([GOOD, Box("dog", 0, 0, 100, 60)], (WIDTH, HEIGHT)),
    "none": Annotation.of([]),
    "missing": None,
    "wrong_corners": Annotation.of([GOOD, Box("cat", 30, 10, 20, 30)]),
    "no_area": Annotation.of([GOOD, Box("cat", 30, 10, 30, 30), Box("dog", 5, 5, 5, 5)]),
    "tiny_box": Annotation.of([GOOD, Box("cat", 5, 5, 5.5, 9)]),
    "outside_image": Annotation.of([GOOD, Box("cat", 90, 10, 104, 30)]),
    "other_size": Annotation.of([GOOD], (HEIGHT, WIDTH)),
    "repeated_box": Annotation.of([GOOD, GOOD]),
    "crowd": Annotation.of([GOOD._replace(crowd=True)]),
    "barely_outside": Annotation.of([Box("cat", -0.5, 10, 101, 30)], (0, 0)),
}


def judged(**rules: Any) -> tuple[pd.DataFrame, list[str]]:
    """The table with the columns of the rules, and the names of the rows that are put aside."""
    table = pd.DataFrame([facts_of(label) for label in ROWS.values()], index=list(ROWS))
    keys = [None if label is None else BOXES.key(label) for label in ROWS.values()]
    table["label"] = pd.Series(keys, index=table.index, dtype="str")
    table["width"], table["height"] = WIDTH, HEIGHT
    bad = RULES(**rules).judge_labels(table)
    return table, list(table.index[bad])


def test_by_default_what_cannot_be_right_is_put_aside() -> None:
    _, aside = judged()
    assert aside == ["wrong_corners", "no_area", "tiny_box", "outside_image", "other_size"]


@pytest.mark.parametrize("name", ["wrong_corners", "no_area", "tiny_box", "outside_image", "other_size"])
def test_each_rule_can_be_switched_off(name: str) -> None:
    _, aside = judged(**{name: {"policy": "off"}})
    assert name not in aside
    assert len(aside) == 4


@pytest.mark.parametrize(
    ("name", "rows"), [("repeated_box", ["repeated_box"]), ("crowd", ["crowd"]), ("background", ["none"])]
)
def test_others_put_rows_aside_where_asked(name: str, rows: list[str]) -> None:
    _, aside = judged(**{name: {"policy": "quarantine"}})
    assert set(rows) <= set(aside)
    assert len(aside) == 5 + len(rows)


def test_a_class_that_is_not_allowed_is_found() -> None:
    _, aside = judged(unknown_label={"labels": ["cat", "bird"]})
    assert "good" in aside  # it has a dog


def test_what_is_wrong_is_said() -> None:
    table, _ = judged()
    assert table.loc["no_area", "no_area"] == "cat (30, 10, 30, 30) and 1 more"
    assert table.loc["outside_image", "outside_image"] == "by 4 pixels"
    said = "drawn on 60 x 100 pixels, the image has 100 x 60: it was turned as its EXIF data says"
    assert table.loc["other_size", "other_size"] == said


def test_images_without_boxes_are_counted() -> None:
    keys = pd.Series([BOXES.key(ROWS["good"]), BOXES.key(ROWS["none"])])
    assert RULES().describe_labels(keys) == {"cat": 1, "dog": 1, "(images without a box)": 1}
