"""Regions and pixels, there and back."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from pycocotools import mask as coco

from finetrail.targets.masks.label import Region, mask_label
from finetrail.targets.masks.raster import (
    IGNORED,
    areas_of,
    counts_of,
    counts_of_lengths,
    counts_of_polygons,
    covered,
    has_background,
    label_of,
    numbers_of,
    pixels_of,
)

CLASSES = ["background", "cell", "nucleus"]


@given(arrays(np.uint8, st.tuples(st.integers(1, 9), st.integers(1, 9)), elements=st.sampled_from([0, 1, 2, 255])))
def test_an_image_of_numbers_comes_back_from_its_label(numbers: np.ndarray) -> None:
    names = {0: "background", 1: "cell", 2: "nucleus", 255: None}
    assert (numbers_of(label_of(numbers, names), CLASSES) == numbers).all()


def test_the_later_region_counts_and_an_unknown_class_is_ignored() -> None:
    whole, corner = np.ones((2, 3), np.bool_), np.zeros((2, 3), np.bool_)
    corner[0, 0] = True
    label = mask_label(3, 2, [Region("cell", counts_of(whole)), Region("yeast", counts_of(corner))])
    assert numbers_of(label, CLASSES).tolist() == [[IGNORED, 1, 1], [1, 1, 1]]
    assert pixels_of(counts_of(corner), 3, 2).tolist() == corner.tolist()


SIDE = st.integers(1, 9)
WIDE = st.integers(20, 24)
CORNER = st.tuples(st.integers(-20, 30), st.integers(-20, 30))


@given(st.lists(st.lists(CORNER, min_size=3, max_size=6), min_size=1, max_size=3), WIDE, WIDE)
def test_pixels_have_the_same_run_lengths_whatever_they_are_made_from(
    polygons: list[list[tuple[int, int]]], width: int, height: int
) -> None:
    flat_polygons = [[number for corner in one for number in corner] for one in polygons]
    counts = counts_of_polygons(flat_polygons, width, height)
    assert counts.encode() == coco.merge(coco.frPyObjects(flat_polygons, height, width))["counts"]
    pixels = pixels_of(counts, width, height)
    flat = pixels.ravel(order="F")
    edges = [0, *(np.flatnonzero(flat[1:] != flat[:-1]) + 1).tolist(), flat.size]
    lengths = [*([0] if flat[0] else []), *np.diff(edges).tolist()]
    assert counts == counts_of(pixels) == counts_of_lengths(lengths, width, height)
    assert counts == counts_of_lengths([*lengths[:1], 0, 0, *lengths[1:], 0], width, height)


@given(arrays(np.uint8, st.tuples(SIDE, SIDE), elements=st.sampled_from([0, 1, 2, 255])))
def test_areas_are_counts_of_pixels(numbers: np.ndarray) -> None:
    label = label_of(numbers, {0: "background", 1: "cell", 2: "nucleus", 255: None})
    height, width = numbers.shape
    regions = [Region(**one) for one in label["regions"]]
    found = [int((numbers == number).sum()) for number in (1, 2, 255)]
    assert areas_of(regions, width, height) == [area for area in found if area]
    assert covered(label) == sum(found[:2]) / numbers.size
    assert has_background(label) == (numbers == 0).any()
