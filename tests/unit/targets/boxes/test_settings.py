"""Slices go by the classes, the sizes and the number of boxes."""

from typing import Any

import pytest

from finetrail.evaluation.slices import SplitRows
from finetrail.targets.boxes.reading import Annotation, Box
from finetrail.targets.boxes.settings import BoxSlice

CAT, DOG = Box("cat", 0, 0, 32, 32), Box("dog", 0, 0, 9, 9)
ROWS = SplitRows([Annotation.of(of) for of in ([], [CAT], [CAT, DOG], [DOG] * 3)], [None] * 4, list)


@pytest.mark.parametrize(
    ("given", "rows"),
    [
        ({"label": ["cat"]}, [1, 2]),
        ({"max_boxes": 1}, [0, 1]),
        ({"min_boxes": 2}, [2, 3]),
        ({"min_boxes": 1, "max_boxes": 2, "label": ["dog"]}, [2]),
        ({"max_boxes": 0}, [0]),
        ({"size": ["small"]}, [1, 2, 3]),
        ({"size": ["medium"]}, [1, 2]),
        ({"size": ["large"]}, []),
        ({"size": ["small", "large"], "max_boxes": 1}, [1]),
    ],
)
def test_a_slice_has_the_images_that_it_names(given: dict[str, Any], rows: list[int]) -> None:
    assert [row for row, inside in enumerate(BoxSlice(**given).rows(ROWS)) if inside] == rows


def test_a_search_for_slices_tries_the_sizes_that_are_there() -> None:
    offered = BoxSlice.offered(ROWS)
    assert [one["size"] for one in offered if "size" in one] == [["medium"], ["small"]]
    assert {"max_boxes": 1} in offered
