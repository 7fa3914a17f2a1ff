"""One image as a backbone gets it: the very pixels of torchvision's own transforms."""

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from torchvision.transforms import v2
from torchvision.transforms.functional import InterpolationMode

from finetrail.contents.image.decode import decode
from finetrail.contents.image.views import DETAIL, cut, evaluation_view, whole_shape, whole_view
from finetrail.errors import ImageError
from tests.unit.models.drawings import encode, noise, preprocessing


@pytest.mark.parametrize("interpolation", ["bilinear", "bicubic", "nearest"])
@given(st.integers(8, 60), st.integers(8, 60), st.integers(8, 24), st.integers(0, 9))
@example(20, 61, 20, 0)
def test_the_evaluation_view_is_that_of_torchvision(
    interpolation: str, height: int, width: int, size: int, border: int
) -> None:
    if max(height, width) > 4 * min(height, width):
        return  # see the next test
    wanted = preprocessing(size, size + border, interpolation)
    data = encode(noise(height, width))
    theirs = v2.Compose([v2.Resize(wanted.resize, InterpolationMode(interpolation)), v2.CenterCrop(size)])
    np.testing.assert_array_equal(evaluation_view(data, wanted), np.asarray(theirs(decode(data))))


@pytest.mark.parametrize(("height", "width"), [(2, 3000), (3000, 2)])
def test_a_line_is_cut_before_it_is_enlarged(height: int, width: int) -> None:
    pixels = noise(height, width)
    pixels[:] = 90
    seen = evaluation_view(encode(pixels), preprocessing(24, 32))
    assert seen.shape == (24, 24, 3)
    assert (seen == 90).all()


@given(st.integers(1, 90), st.integers(1, 90))
def test_a_whole_view_keeps_what_crops_need_and_no_more(height: int, width: int) -> None:
    wanted = preprocessing(16, 20)
    seen = whole_view(encode(noise(height, width)), wanted)
    assert seen.shape == (*whole_shape(height, width, wanted), 3)
    assert min(seen.shape[:2]) == min(height, width, DETAIL * 20)
    if min(height, width) <= DETAIL * 20:
        np.testing.assert_array_equal(seen, noise(height, width))


def test_a_cut_is_the_part_resized() -> None:
    image = noise(30, 40)
    part = cut(image, (5, 7, 17, 19), preprocessing(12))
    np.testing.assert_array_equal(part, image[7:19, 5:17])


def test_what_is_no_image_is_refused() -> None:
    with pytest.raises(ImageError, match="not a complete image"):
        evaluation_view(encode(noise(20, 20))[:-40], preprocessing())
