"""What columns may say of masks, and what slices have."""

from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from finetrail.evaluation.slices import SplitRows
from finetrail.targets.masks.raster import label_of
from finetrail.targets.masks.settings import MaskColumns, MaskSlice

NAMES = {0: "background", 1: "cell", 2: "dust"}


def label(*numbers: int) -> Any:
    return label_of(np.array([numbers], np.uint8), NAMES)


ROWS = SplitRows([label(0, 0, 0, 0), label(0, 0, 0, 1), label(0, 1, 1, 2), label(2, 2, 2, 2)], [None] * 4, list)


@pytest.mark.parametrize(
    ("given", "rows"),
    [
        ({"label": ["cell"]}, [1, 2]),
        ({"max_objects": 0}, [0]),
        ({"min_objects": 2}, [2]),
        ({"min_covered": 0.25, "max_covered": 0.75}, [1, 2]),
        ({"min_covered": 0.5, "label": ["dust"]}, [2, 3]),
    ],
)
def test_a_slice_has_the_images_that_it_names(given: dict[str, Any], rows: list[int]) -> None:
    assert [row for row, inside in enumerate(MaskSlice(**given).rows(ROWS)) if inside] == rows


def test_what_is_offered_divides_the_rows() -> None:
    offered = MaskSlice.offered(ROWS)
    assert {"label": ["dust"]} in offered
    assert all(MaskSlice(**one).rows(ROWS).any() for one in offered)


@pytest.mark.parametrize(
    ("columns", "said"),
    [
        ({"classes": ["a"], "palette": {"a": [0, 0, 0]}}, "give the one that the masks have"),
        ({"classes": ["a", "b", "c"], "instances": True}, "`classes` must name two"),
        ({"palette": {"a": [0, 0, 0], "b": [0, 0, 0]}}, "one colour for two classes"),
        ({"classes": ["a", "b"], "ignore": [1]}, "which is a class too"),
        ({"classes": ["a"], "ignore": [[255, 255, 255]]}, "is a list of colours"),
        ({"palette": {"a": [0, 0, 0]}, "ignore": 255}, "is a list of colours"),
        ({"classes": [str(number) for number in range(256)]}, "at most 255 classes"),
    ],
)
def test_columns_that_contradict_themselves_are_refused(columns: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        MaskColumns(**columns)
