"""Random parts and mirror images: windows of the image, and of nothing else."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from finetrail.contents.image.augment.crops import RATIO, mirror, padded, random_boxes, random_resized
from tests.unit.models.drawings import noise, preprocessing

SEEDS = st.integers(0, 2**64 - 1)


def windows(image: np.ndarray, padding: int) -> list[bytes]:
    size = len(image)
    bordered = np.pad(image, ((padding, padding), (padding, padding), (0, 0)))
    steps = range(2 * padding + 1)
    return [bordered[top : top + size, left : left + size].tobytes() for top in steps for left in steps]


@given(SEEDS, st.integers(1, 12), st.integers(1, 9))
def test_every_padded_crop_is_a_window_of_the_padded_image(seed: int, size: int, padding: int) -> None:
    images = [noise(size, size, number) for number in range(3)]
    batch = padded(images, size, padding, np.random.default_rng(seed))
    assert all(crop.tobytes() in windows(image, padding) for crop, image in zip(batch, images, strict=True))


def test_every_window_comes_up() -> None:
    image = noise(5, 5)
    batch = padded([image] * 1000, 5, 2, np.random.default_rng(0))
    assert {crop.tobytes() for crop in batch} == set(windows(image, 2))


@given(SEEDS)
def test_a_flip_is_its_mirror_or_itself(seed: int) -> None:
    before = np.stack([noise(6, 6, number) for number in range(8)])
    after = mirror(before.copy(), np.random.default_rng(seed))
    assert all(
        np.array_equal(one, other) or np.array_equal(one, other[:, ::-1])
        for one, other in zip(after, before, strict=True)
    )


def test_half_of_the_images_are_mirrored() -> None:
    before = np.stack([noise(4, 4)] * 1000)
    changed = (mirror(before.copy(), np.random.default_rng(0)) != before).any(axis=(1, 2, 3)).sum()
    assert 430 < changed < 570


@given(st.lists(st.tuples(st.integers(1, 80), st.integers(1, 80)), min_size=1, max_size=6), st.floats(0.01, 1), SEEDS)
def test_a_random_part_is_inside_and_of_the_size_and_ratio_asked_for(
    sizes: list[tuple[int, int]], min_area: float, seed: int
) -> None:
    for (height, width), (left, top, right, bottom) in zip(
        sizes, random_boxes(np.array(sizes), min_area, np.random.default_rng(seed)), strict=True
    ):
        assert 0 <= left < right <= width
        assert 0 <= top < bottom <= height
        wide, tall = right - left, bottom - top
        if min(height, width) >= 40 and max(height, width) / min(height, width) < RATIO[1]:
            # A pixel more or less by rounding.
            assert (wide + 1) * (tall + 1) >= min_area * height * width * 0.98
            assert (wide - 1) / (tall + 1) <= RATIO[1]
            assert (wide + 1) / max(1, tall - 1) >= RATIO[0]


@pytest.mark.parametrize("min_area", [0.08, 0.5])
def test_areas_and_places_are_spread_evenly(min_area: float) -> None:
    boxes = np.array(random_boxes(np.array([(200, 200)] * 2000), min_area, np.random.default_rng(1)))
    areas = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1]) / 200**2
    assert areas.min() >= min_area * 0.97
    assert areas.mean() == pytest.approx((1 + min_area) / 2, abs=0.06)  # a little less: the largest may not fit
    assert (boxes[:, 0] + boxes[:, 2]).mean() == pytest.approx(200, abs=4)
    assert (boxes[:, 1] + boxes[:, 3]).mean() == pytest.approx(200, abs=4)


def test_random_parts_of_a_plain_image_are_plain() -> None:
    images = [np.full((30, 20 + number, 3), number, dtype=np.uint8) for number in range(5)]
    batch = random_resized(images, 0.1, preprocessing(16), np.random.default_rng(0))
    assert batch.shape == (5, 16, 16, 3)
    assert all((crop == number).all() for number, crop in enumerate(batch))
