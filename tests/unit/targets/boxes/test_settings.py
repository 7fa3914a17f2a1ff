"""Slices go by the classes and by the number of boxes."""

from typing import Any

import pytest

from finetrail.evaluation.slices import SplitRows
from finetrail.targets.boxes.reading import Annotation, Box
from finetrail.targets.boxes.settings import BoxSlice

CAT, DOG = Box("cat", 0, 0, 9, 9), Box("dog", 0, 0, 9, 9)
ROWS = SplitRows([Annotation.of(of) for of in ([], [CAT], [CAT, DOG], [DOG] * 3)], [None] * 4, list)


@pytest.mark.parametrize(
    ("given", "rows"),
    [
        ({"label": ["cat"]}, [1, 2]),
        ({"max_boxes": 1}, [0, 1]),
        ({"min_boxes": 2}, [2, 3]),
        ({"min_boxes": 1, "max_boxes": 2, "label": ["dog"]}, [2]),
        ({"max_boxes": 0}, [0]),
    ],
)
def test_a_slice_has_the_images_that_it_names(given: dict[str, Any], rows: list[int]) -> None:
    assert [row for row, inside in enumerate(BoxSlice(**given).rows(ROWS)) if inside] == rows
