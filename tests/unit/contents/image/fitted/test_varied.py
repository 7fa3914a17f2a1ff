"""Crops, mosaics and blends: wherever a box lies, its object is under it, and no object is left without a box."""

import io
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from pydantic import ValidationError
from scipy import ndimage

from finetrail.contents.image import IMAGE
from finetrail.contents.image.fitted.crops import iou_crop
from finetrail.contents.image.fitted.processor import FittedInputs, FittedProcessor
from finetrail.contents.image.fitted.settings import ObjectAugment
from finetrail.contents.image.preprocessing import Preprocessing
from finetrail.targets.boxes import BOXES
from finetrail.targets.boxes.codec import BoxCodec
from finetrail.targets.boxes.learning import VISIBLE, BoxLearning
from finetrail.targets.boxes.reading import Annotation, Box
from finetrail.targets.masks import MASKS

SIZE = 96
PREPROCESSING = Preprocessing(SIZE, SIZE, (0.0, 0.0, 0.0), (1.0, 1.0, 1.0), "bilinear", (3, 2))
LEARNING = BoxLearning(BoxCodec(("red", "green", "blue")))
PHOTOS = [((150, 110), [(20, 12, 70, 56), (90, 40, 130, 100)]), ((80, 120), [(10, 20, 60, 70)]), ((96, 64), [])]
"""Sizes, and the objects of each, in the colour of its place."""
LARGEST = 36 * 35
"""Pixels of the largest object on a canvas without augmentation."""
AUGMENTS: list[tuple[dict[str, Any], float]] = [
    ({"crop": 0.3}, 1 / 0.3),
    ({"mosaic": 1.0}, 1.0),
    ({"mixup": 1.0}, 1.0),
    ({"crop": 0.7, "mosaic": 0.5, "mixup": 0.5, "flip": "both", "scale": [0.7, 1.4]}, 1.4 / 0.7),
]
"""Settings, and how many times as wide they make an object at most."""
EVERYTHING = ObjectAugment(crop=0.3, mosaic=0.5, mixup=0.5, flip="both", scale=(0.7, 1.4), color=0.2)


def inputs(augment: ObjectAugment) -> FittedInputs:
    files, labels = [], []
    for channel, ((width, height), objects) in enumerate(PHOTOS):
        pixels = np.zeros((height, width, 3), np.uint8)
        for left, top, right, bottom in objects:
            pixels[top:bottom, left:right, channel] = 200
        file = io.BytesIO()
        Image.fromarray(pixels).save(file, "PNG")
        files.append(file.getvalue())
        labels.append(Annotation.of(Box(LEARNING.codec.classes[channel], *one) for one in objects))
    encoded = FittedProcessor(PREPROCESSING).encode(files, augment=augment)
    return encoded.labelled(LEARNING.encode(labels, encoded))


@pytest.mark.parametrize(("augment", "growth"), AUGMENTS)
@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**64 - 1))
def test_an_object_is_under_each_box_and_a_box_around_each_object(
    augment: dict[str, Any], growth: float, seed: int
) -> None:
    batch = inputs(ObjectAugment(**augment)).batch([0, 1, 2], seed)
    for canvas, targets in zip(batch["pixels"], batch["targets"].numpy(), strict=True):
        there = canvas.numpy() > 3
        outside = there.copy()
        for left, top, right, bottom, number in targets[targets[:, 4] >= 0]:
            assert 0 <= left < right <= SIZE
            assert 0 <= top < bottom <= SIZE * 2 / 3
            inner = (slice(int(top) + 2, max(int(top) + 2, int(bottom) - 2)), slice(int(left) + 2, int(right) - 2))
            assert there[int(number)][inner].all()
            outside[int(number), max(0, int(top) - 2) : int(bottom) + 3, max(0, int(left) - 2) : int(right) + 3] = False
        for channel in outside:
            pieces, count = ndimage.label(channel)
            sizes = ndimage.sum_labels(channel, pieces, range(1, count + 1))
            assert max(sizes, default=0) <= VISIBLE * LARGEST * growth**2, (
                "only an object of which little is seen has no box"
            )


def test_mosaics_and_blends_have_the_objects_of_several_images() -> None:
    for augment in (ObjectAugment(mosaic=1.0), ObjectAugment(mixup=1.0)):
        targets = [one for seed in range(9) for one in inputs(augment).batch([0, 1, 2], seed)["targets"]]
        assert max(len(set(one[one[:, 4] >= 0, 4].tolist())) for one in targets) == 2


def test_a_seed_gives_the_same_bits_and_another_seed_others() -> None:
    varied = inputs(EVERYTHING)
    one, again, other = (varied.batch([0, 1, 2], seed) for seed in (5, 5, 6))
    assert all(torch.equal(one[name], again[name]) for name in one)
    assert not torch.equal(one["pixels"], other["pixels"])


@given(seed=st.integers(0, 2**32), least=st.floats(0.2, 0.9), count=st.integers(0, 4))
def test_a_crop_lies_in_the_image_and_has_the_middle_of_an_object_in_it(seed: int, least: float, count: int) -> None:
    generator = np.random.default_rng(seed)
    size = generator.integers(20, 200, 2)
    low = generator.random((count, 2)) * 0.7 * size
    boxes = np.concatenate([low, low + (0.05 + 0.25 * generator.random((count, 2))) * size], axis=1)
    crop = iou_crop(size, boxes, least, generator)
    assert (crop[:2] >= 0).all()
    assert (crop[2:] <= size + 1e-9).all()
    sides = crop[2:] - crop[:2]
    assert (sides >= least * size - 1e-9).all()
    middle = (boxes[:, :2] + boxes[:, 2:]) / 2
    whole = np.array_equal(crop, [0, 0, *size])
    assert whole or ((middle > crop[:2]) & (middle < crop[2:])).all(axis=1).any()


def test_crops_are_drawn() -> None:
    size, box = np.array([100, 100]), np.array([[20.0, 20, 80, 80]])
    crops = [iou_crop(size, box, 0.3, np.random.default_rng(seed)) for seed in range(40)]
    assert 15 < sum(not np.array_equal(crop, [0, 0, 100, 100]) for crop in crops) < 40


def test_they_are_for_objects_alone() -> None:
    boxes, masks = (IMAGE.training(target.in_place, target.objects) for target in (BOXES, MASKS))
    boxes.model_validate({"augment": {"mosaic": 0.5}})
    with pytest.raises(ValidationError, match="mosaic"):
        masks.model_validate({"augment": {"mosaic": 0.5}})
