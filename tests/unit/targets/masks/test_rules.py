"""Each rule about masks finds its own rows and no others, and its remedy works."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

from finetrail.data.store.raw import Unreadable
from finetrail.sections import sections
from finetrail.targets.masks import MASKS
from finetrail.targets.masks.faults import FAULTS, facts_of
from finetrail.targets.masks.label import Region
from finetrail.targets.masks.raster import counts_of, label_of
from finetrail.targets.masks.reading import Mask
from finetrail.tasks.registry import get_task
from tests.unit.targets.masks.images import CLASSES, NUMBERS

RULES: Any = sections(get_task("image-segmentation")).model_fields["validation"].annotation
HEIGHT, WIDTH = NUMBERS.shape
REGIONS = [Region(**one) for one in label_of(NUMBERS, dict(enumerate(CLASSES)))["regions"]]
NOTHING = Region("cell", counts_of(np.zeros_like(NUMBERS, dtype=np.bool_)))
FROM_FILES = ("missing_mask", "unknown_value", "edge_colours", "lossy_mask", "outside_image")
ROWS: dict[str, Any] = {
    "good": Mask.of(WIDTH, HEIGHT, REGIONS),
    "background": Mask.of(WIDTH, HEIGHT, []),
    "missing": None,
    "unreadable_mask": Unreadable("not an image"),
    "mask_size": Mask.of(HEIGHT, WIDTH, REGIONS),
    "tiny_region": Mask.of(WIDTH, HEIGHT, [*REGIONS, NOTHING]),
    "crowd": Mask.of(WIDTH, HEIGHT, [REGIONS[0]._replace(crowd=True)]),
    **{name: Mask.of(WIDTH, HEIGHT, REGIONS, {name: "7 in 1 of 24 pixels"}) for name in FROM_FILES},
}


def judged(**rules: Any) -> tuple[pd.DataFrame, list[str]]:
    """The table with the columns of the rules, and the names of the rows that are put aside."""
    known = [None if isinstance(label, Unreadable) else label for label in ROWS.values()]
    table = pd.DataFrame([facts_of(label) for label in known], index=list(ROWS))
    keys = [MASKS.key(label) if isinstance(label, Mask) else label for label in ROWS.values()]
    table["label"] = pd.Series(keys, index=table.index, dtype="str")
    table["width"], table["height"] = WIDTH, HEIGHT
    bad = RULES(**rules).judge_labels(table)
    return table, list(table.index[bad])


ASIDE = ["unreadable_mask", "mask_size", "tiny_region", *FROM_FILES]


def test_by_default_what_cannot_be_right_is_put_aside() -> None:
    _, aside = judged()
    assert aside == ASIDE


@pytest.mark.parametrize("name", ["tiny_region", *FROM_FILES])
def test_each_rule_can_be_switched_off(name: str) -> None:
    _, aside = judged(**{name: {"policy": "off"}})
    assert aside == [one for one in ASIDE if one != name]


@pytest.mark.parametrize("name", ["crowd", "background"])
def test_others_put_rows_aside_where_asked(name: str) -> None:
    _, aside = judged(**{name: {"policy": "quarantine"}})
    assert {*aside} == {*ASIDE, name}


def test_a_class_that_is_not_allowed_is_found() -> None:
    _, aside = judged(unknown_label={"labels": ["cell", "grain"]})
    assert "good" in aside  # it has dust


def test_what_is_wrong_is_said() -> None:
    table, _ = judged()
    assert table.loc["unreadable_mask", "unreadable_mask"] == "not an image"
    said = "the mask has 4 x 6 pixels, the image has 6 x 4: it was turned as its EXIF data says"
    assert table.loc["mask_size", "mask_size"] == said
    assert table.loc["crowd", "crowd"] == REGIONS[0].label


def test_each_remedy_names_what_there_is() -> None:
    rules = RULES()
    for rule in rules.own_label_rules():
        assert hasattr(rules, rule.name)
        assert "\n" not in rule.remedy
    assert {rule.name for rule in rules.own_label_rules()} >= {*FAULTS, "mask_size", "unreadable_mask"}


def test_images_of_each_class_are_counted() -> None:
    keys = pd.Series([MASKS.key(ROWS["good"]), MASKS.key(ROWS["background"])])
    assert RULES().describe_labels(keys) == {"cell": 1, "dust": 1, "(images of background alone)": 1}


def test_names_are_merged_and_faults_stay() -> None:
    renamed = MASKS.renamed(ROWS["unknown_value"], {"dust": "Dust"})
    assert MASKS.names(renamed) == ["Dust", "cell"]
    assert renamed.faults == ROWS["unknown_value"].faults


def test_a_label_of_another_kind_has_no_key() -> None:
    for other in ([{"label": "cat"}], "cat", {"text": "a"}, 3.0):
        with pytest.raises(TypeError):
            MASKS.key(other)


def test_masks_are_told_in_a_few_words() -> None:
    assert MASKS.said(ROWS["good"], None) == "cell 16.7%; dust 4.2%"
    assert MASKS.caption(ROWS["tiny_region"]) == "2 cell, dust"
    assert MASKS.said(ROWS["background"], None) == MASKS.caption(ROWS["background"]) == "background"


def test_a_row_is_shown_with_its_classes_and_not_with_run_lengths() -> None:
    said = RULES().said(pd.DataFrame({"label": [MASKS.key(ROWS["good"]), "not an image"]}))
    assert list(said["label"]) == ["cell, dust", "not an image"]
