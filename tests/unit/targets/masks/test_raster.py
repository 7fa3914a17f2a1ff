"""Regions and pixels, there and back."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from finetrail.targets.masks.label import Region, mask_label
from finetrail.targets.masks.raster import IGNORED, counts_of, label_of, numbers_of, pixels_of

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
