"""Images made ready for a backbone: the same pixels however they are kept, and variety only by the seed."""

import io
import itertools
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from finetrail.contents.image.augment.settings import Augment
from finetrail.contents.image.kept import Decoded, Encoded, Limits
from finetrail.contents.image.processor import ImageInputs, ImageProcessor
from finetrail.contents.image.views import evaluation_view
from finetrail.errors import ImageError
from finetrail.targets.per_row import RowTargets
from tests.unit.models.drawings import encode, noise, noises, preprocessing

SEEDS = st.integers(0, 2**64 - 1)
SIZE = 12
PROCESSOR = ImageProcessor(preprocessing(SIZE, 14))
VALUES = noises(7, 20, 16)
AUGMENTS: list[dict[str, Any]] = [
    {"crop": "padded", "padding": 3},
    {"crop": "random_resized"},
    {"flip": True},
    {"policy": "trivial"},
    {"policy": "rand"},
    {"mixup": 0.4},
    {"cutmix": 1.0},
    {"crop": "padded", "flip": True, "policy": "trivial", "mixup": 1.0, "cutmix": 1.0},
]


def numpy(inputs: ImageInputs, indices: list[int], seed: int | None = None) -> np.ndarray:
    """Pixels (B, S, S, 3)."""
    return inputs.batch(indices, seed)["pixels"].permute(0, 2, 3, 1).numpy()


@given(st.lists(st.integers(0, 6), min_size=1, max_size=9))
def test_without_a_seed_a_batch_is_the_view_of_each_of_its_indices(indices: list[int]) -> None:
    expected = [evaluation_view(VALUES[index], PROCESSOR.preprocessing) for index in indices]
    for augment in (None, Augment(crop="padded", flip=True, policy="trivial", mixup=1.0)):
        inputs = PROCESSOR.encode(VALUES, augment=augment)
        np.testing.assert_array_equal(numpy(inputs, indices), expected)
        assert inputs.batch(indices)["pixels"].dtype == torch.uint8
        assert set(inputs.batch(indices)) == {"pixels"}


def test_the_view_is_the_same_where_random_parts_are_cut_in_training() -> None:
    whole = PROCESSOR.encode(VALUES, augment=Augment(crop="random_resized"))
    np.testing.assert_array_equal(numpy(whole, [3, 0, 3]), numpy(PROCESSOR.encode(VALUES), [3, 0, 3]))


@pytest.mark.parametrize("augment", AUGMENTS)
@settings(max_examples=15)
@given(SEEDS, st.lists(st.integers(0, 6), min_size=1, max_size=5))
def test_the_seed_decides_whatever_the_number_of_threads(
    augment: dict[str, Any], seed: int, indices: list[int]
) -> None:
    inputs = PROCESSOR.encode(VALUES, augment=Augment(**augment)).labelled(RowTargets(torch.arange(7)))
    threads = torch.get_num_threads()
    try:
        batches = []
        for number in (1, 2, 5):
            torch.set_num_threads(number)
            torch.manual_seed(number)
            batches.append(inputs.batch(indices, seed))
    finally:
        torch.set_num_threads(threads)
    for one, other in itertools.pairwise(batches):
        assert one.keys() == other.keys()
        assert all(torch.equal(one[name], other[name]) for name in one)
    assert batches[0]["targets"].tolist() == indices
    pixels = batches[0]["pixels"]
    assert pixels.shape == (len(indices), 3, SIZE, SIZE)
    assert pixels.is_contiguous(memory_format=torch.channels_last)
    assert pixels.dtype == (torch.float32 if pixels.is_floating_point() else torch.uint8)
    assert pixels.min() >= 0
    assert pixels.max() <= 255.001


@given(SEEDS, st.lists(st.integers(0, 6), min_size=1, max_size=5))
def test_the_targets_of_a_mixed_batch_say_what_was_mixed_with_what(seed: int, indices: list[int]) -> None:
    inputs = PROCESSOR.encode(VALUES, augment=Augment(mixup=1.0)).labelled(RowTargets(torch.arange(7)))
    batch = inputs.batch(indices, seed)
    assert set(batch) == {"pixels", "targets", "targets_of_partner", "targets_share"}
    views = PROCESSOR.encode(VALUES).batch(range(7))["pixels"].double()
    share = batch["targets_share"].double().view(-1, 1, 1, 1)
    mixed = share * views[batch["targets"]] + (1 - share) * views[batch["targets_of_partner"]]
    torch.testing.assert_close(batch["pixels"].double(), mixed, rtol=0, atol=1e-3)
    assert set(inputs.batch(indices)) == {"pixels", "targets"}


@pytest.mark.parametrize("augment", AUGMENTS)
def test_another_seed_gives_another_batch(augment: dict[str, Any]) -> None:
    inputs = PROCESSOR.encode(VALUES, augment=Augment(**augment))
    assert inputs.varies
    batches = [inputs.batch(list(range(7)), seed)["pixels"].float() for seed in range(4)]
    assert any(not torch.equal(batches[0], batch) for batch in batches[1:])


def test_without_augmentation_a_seed_changes_nothing() -> None:
    inputs = PROCESSOR.encode(VALUES)
    assert not inputs.varies
    np.testing.assert_array_equal(numpy(inputs, [0, 5], 3), numpy(inputs, [0, 5]))
    assert (len(inputs), inputs.lengths, list(inputs.rows)) == (7, [1] * 7, list(range(7)))


@pytest.mark.parametrize("augment", [{}, {"crop": "padded"}, {"crop": "random_resized", "flip": True}])
@pytest.mark.parametrize("threaded", [True, False])
def test_kept_encoded_or_in_a_file_the_pixels_are_the_same(
    augment: dict[str, Any], threaded: bool, tmp_path: Path
) -> None:
    values = noises(40, 50, 61, "JPEG")
    chosen = Augment(**augment)
    expected = PROCESSOR.encode(values, augment=chosen)
    limits = Limits(in_memory=1000, resident=2000, threaded=0 if threaded else 10**9)
    mapped = replace(PROCESSOR, limits=limits).encode(values, augment=chosen, scratch=tmp_path)
    few = replace(limits, decoded=1000)
    streamed = replace(PROCESSOR, limits=few).encode(values, augment=chosen, scratch=tmp_path)
    assert isinstance(expected.images, Decoded)
    assert isinstance(mapped.images, Decoded)
    assert isinstance(streamed.images, Encoded)
    for indices, seed in (([39, 2, 2, 17], None), (list(range(40)), None), ([8, 1], 5)):
        for inputs in (mapped, streamed):
            np.testing.assert_array_equal(numpy(inputs, indices, seed), numpy(expected, indices, seed))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("crop", ["none", "random_resized"])
@pytest.mark.parametrize("most", [1, 10**9])
def test_a_broken_image_is_named(crop: Any, most: int) -> None:
    processor = replace(PROCESSOR, limits=Limits(decoded=most))
    with pytest.raises(ImageError, match=r"^image 2, counted from 0: not "):
        processor.encode([*VALUES[:2], b"GIF89a", VALUES[2]], augment=Augment(crop=crop)).batch([2])


def test_no_images_are_no_mistake() -> None:
    assert len(PROCESSOR.encode([])) == 0


def test_a_batch_is_shown_as_the_model_sees_it() -> None:
    inputs = PROCESSOR.encode(VALUES, augment=Augment(mixup=1.0))
    batch = inputs.batch([0, 1, 2], seed=3)
    shown = [np.asarray(Image.open(io.BytesIO(preview.image))) for preview in PROCESSOR.show(batch)]
    np.testing.assert_array_equal(shown, batch["pixels"].permute(0, 2, 3, 1).round().numpy())


@pytest.mark.parametrize(
    ("height", "width", "seen", "kind"), [(30, 40, (40, 30), "PNG"), (600, 300, (64, 128), "JPEG")]
)
def test_a_preview_is_small(height: int, width: int, seen: tuple[int, int], kind: str) -> None:
    preview = PROCESSOR.preview(encode(noise(height, width)))
    with Image.open(io.BytesIO(preview.image)) as image:
        assert (image.size, image.format) == (seen, kind)
    assert len(preview.image) < 20_000
    assert preview.text == ""
