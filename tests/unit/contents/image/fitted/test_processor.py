"""Places move with their images: a box on a canvas is where the coloured rectangle of its image is, and goes back."""

import io
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from finetrail.contents.image.fitted.processor import FittedInputs, FittedProcessor
from finetrail.contents.image.fitted.settings import PlacedAugment
from finetrail.contents.image.preprocessing import Preprocessing
from finetrail.models.inputs import NO_CHANGES, Changes
from finetrail.models.placements import Placements
from finetrail.targets.boxes.codec import BoxCodec
from finetrail.targets.boxes.learning import BoxLearning
from finetrail.targets.boxes.reading import Annotation, Box

SIZE = 64
ASPECTS = [(1, 1), (2, 1), (1, 2)]
LEARNING = BoxLearning(BoxCodec(("red",)))
BOX = (20, 12, 60, 36)
AUGMENTS: list[dict[str, Any]] = [
    {"flip": "horizontal"},
    {"flip": "both"},
    {"scale": [0.5, 1.0]},
    {"scale": [1.0, 2.0]},
    {"flip": "both", "scale": [0.6, 1.6], "color": 0.1},
]


def photo(width: int, height: int, turned: int = 1) -> bytes:
    """A red rectangle on blue. Args: turned: the EXIF orientation that the file says."""
    pixels = np.zeros((height, width, 3), np.uint8)
    pixels[:, :, 2] = 200
    left, top, right, bottom = BOX
    pixels[top:bottom, left:right] = (200, 0, 0)
    image = Image.fromarray(pixels)
    if turned == 6:  # stored lying on its side
        image = image.transpose(Image.Transpose.ROTATE_90)
    exif = Image.Exif()
    exif[0x0112] = turned
    file = io.BytesIO()
    image.save(file, "PNG", exif=exif)
    return file.getvalue()


def inputs(photos: list[bytes], augment: PlacedAugment | None = None, aspect: tuple[int, int] = (1, 1)) -> FittedInputs:
    preprocessing = Preprocessing(SIZE, SIZE, (0.0, 0.0, 0.0), (1.0, 1.0, 1.0), "bilinear", aspect)
    encoded = FittedProcessor(preprocessing).encode(photos, augment=augment)
    labels = [Annotation.of([Box("red", float(BOX[0]), BOX[1], BOX[2], BOX[3])]) for _ in photos]
    return encoded.labelled(LEARNING.encode(labels, encoded))


def red(canvas: torch.Tensor) -> list[float]:
    """The box around what is more red than blue. Args: canvas: (3, H, W)."""
    there = (canvas[0].int() > canvas[2].int()).nonzero()
    (top, left), (bottom, right) = there.amin(0).tolist(), there.amax(0).tolist()
    return [left, top, right + 1, bottom + 1]


@pytest.mark.parametrize("augment", AUGMENTS)
@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 2**64 - 1), aspect=st.sampled_from(ASPECTS))
def test_the_box_is_where_the_rectangle_is(augment: dict[str, Any], seed: int, aspect: tuple[int, int]) -> None:
    photos = [photo(100, 70), photo(70, 110), photo(64, 64)]
    batch = inputs(photos, PlacedAugment(**augment), aspect).batch([0, 1, 2], seed)
    for canvas, target in zip(batch["pixels"], batch["targets"], strict=True):
        for *box, number in target.tolist():
            if number >= 0:
                np.testing.assert_allclose(box, red(canvas), atol=1.01)


@pytest.mark.parametrize("aspect", ASPECTS)
def test_so_it_is_without_augmentation_and_in_features_that_were_computed_once(aspect: tuple[int, int]) -> None:
    one = inputs([photo(100, 70), photo(70, 110)], aspect=aspect)
    batch = one.batch([1, 0])
    assert batch["pixels"].shape[2:] == tuple(SIZE * side // max(aspect) for side in aspect[::-1])
    for canvas, target in zip(batch["pixels"], batch["targets"][:, 0], strict=True):
        np.testing.assert_allclose(target[:4].tolist(), red(canvas), atol=1.01)
    assert one.targets is not None
    torch.testing.assert_close(one.targets.batch([1, 0], NO_CHANGES)["targets"], batch["targets"])


def test_a_seed_gives_the_same_bits_and_another_seed_others() -> None:
    varied = inputs([photo(100, 70)] * 3, PlacedAugment(flip="both", scale=(0.6, 1.6), color=0.2))
    one, again, other = (varied.batch([0, 1, 2], seed) for seed in (5, 5, 6))
    assert all(torch.equal(one[name], again[name]) for name in one)
    assert not torch.equal(one["pixels"], other["pixels"])


def test_an_object_that_is_hardly_on_the_canvas_is_not_learnt() -> None:
    targets = LEARNING.encode([Annotation.of([Box("red", 0, 0, 40, 40)])], inputs([photo(64, 64)]))
    for shift, learnt in ((-20.0, True), (-35.0, False)):
        placed = Placements(np.ones((1, 2)), np.array([[shift, 0.0]]), np.array([[64, 64]]), (64, 64))
        found = targets.batch([0], Changes(placements=placed))["targets"][0, 0].tolist()
        assert found == ([0, 0, 40 + shift, 40, 0] if learnt else [-1] * 5)


def test_boxes_go_back_to_the_upright_image_also_where_the_file_lies_on_its_side() -> None:
    one = inputs([photo(100, 70), photo(100, 70, turned=6)])
    batch = one.batch([0, 1])
    np.testing.assert_array_equal(batch["pixels"][0], batch["pixels"][1])
    assert one.sizes.tolist() == [[100, 70], [100, 70]]
    for row in (0, 1):
        np.testing.assert_allclose(one.placements.back(row, np.array([red(batch["pixels"][row])])), [BOX], atol=1.6)


@given(
    st.lists(st.floats(-50, 150), min_size=4, max_size=4),
    st.tuples(st.floats(0.2, 3), st.floats(-3, -0.2), st.floats(-20, 20), st.floats(-20, 20)),
)
def test_there_and_back_is_where_it_was(corners: list[float], at: tuple[float, float, float, float]) -> None:
    placed = Placements(np.array([at[:2]]), np.array([at[2:]]), np.array([[100, 100]]), (64, 64))
    box = np.array([[min(corners[::2]), min(corners[1::2]), max(corners[::2]), max(corners[1::2])]])
    np.testing.assert_allclose(placed.back(0, placed.onto(0, box)), np.clip(box, 0, 100), atol=1e-9)
