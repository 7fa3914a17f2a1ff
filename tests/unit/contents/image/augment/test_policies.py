"""TrivialAugment and RandAugment: the operations are those of torchvision's own classes."""

from typing import Any, Literal

import numpy as np
import pytest
from PIL import Image
from torchvision.transforms import InterpolationMode
from torchvision.transforms.v2 import RandAugment, TrivialAugmentWide

from finetrail.contents.image.augment.policies import rand_operations, trivial_operations, vary
from tests.unit.models.drawings import noise

NAMES = (
    "Identity ShearX ShearY TranslateX TranslateY Rotate Brightness Color Contrast Sharpness Posterize Solarize "
    "AutoContrast Equalize"
).split()
SIZE = 33


@pytest.fixture
def image() -> Image.Image:
    return Image.fromarray(noise(SIZE, SIZE) // 2 + 40)


@pytest.mark.parametrize("step", [0, 9, 17, 30])
@pytest.mark.parametrize("policy", [TrivialAugmentWide, RandAugment])
def test_each_operation_is_that_of_torchvision(policy: Any, step: int, image: Image.Image) -> None:
    theirs = policy(num_magnitude_bins=31)
    ours = trivial_operations() if policy is TrivialAugmentWide else rand_operations(SIZE)
    assert set(theirs._AUGMENTATION_SPACE) == set(NAMES)
    for name, operation in zip(NAMES, ours, strict=True):
        strengths_of, signed = theirs._AUGMENTATION_SPACE[name]
        magnitudes = strengths_of(31, SIZE, SIZE)
        magnitude = 0.0 if magnitudes is None else float(magnitudes[step])
        for sign in (1, -1) if signed else (1,):
            expected = theirs._apply_image_or_video_transform(
                image, name, sign * magnitude, interpolation=InterpolationMode.NEAREST, fill={}
            )
            found = np.asarray(operation(image, sign * step / 30)).astype(int)
            # Where a coordinate is just between two pixels, a rounding of the last bit may take the other.
            assert (found != np.asarray(expected)).mean() < 0.02, (name, sign)


@pytest.mark.parametrize("policy", ["trivial", "rand"])
def test_images_differ_in_what_is_done_to_them_and_the_seed_decides(policy: Literal["trivial", "rand"]) -> None:
    batch = np.stack([noise(SIZE, SIZE)] * 40)
    before = batch.copy()
    varied = vary(batch, policy, np.random.default_rng(3))
    assert len({image.tobytes() for image in varied}) > 12
    np.testing.assert_array_equal(batch, before)
    np.testing.assert_array_equal(varied, vary(batch, policy, np.random.default_rng(3)))
    assert (varied != vary(batch, policy, np.random.default_rng(4))).any()
