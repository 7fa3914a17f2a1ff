"""TrivialAugment and RandAugment: operations on training images, drawn anew for each image."""

import math
from collections.abc import Callable
from typing import Any, Literal

import numpy as np
from PIL import Image

from finetrail.contents.image.views import Pixels

Operation = Callable[[Image.Image, float], Image.Image]

STRENGTHS = 30
"""Strengths go from 0 to 1 in so many steps."""
RAND_OPERATIONS, RAND_STRENGTH = 2, 9
"""Cubuk et al. found this good for most data: two operations per image, each of strength 9 of 30."""


def vary(batch: Pixels, policy: Literal["trivial", "rand"], generator: np.random.Generator) -> Pixels:
    """Images (B, S, S, 3), each after operations of its own.

    They run in Pillow, image by image: at these sizes that is as fast as tensors, and the result
    does not depend on the number of threads.

    Args:
        policy: `trivial`: one operation of any strength (Mueller & Hutter 2021, the wide space); `rand`: two of a
            fixed strength (Cubuk et al. 2019).
    """
    operations = trivial_operations() if policy == "trivial" else rand_operations(batch.shape[2])
    rounds = 1 if policy == "trivial" else RAND_OPERATIONS
    size = (len(batch), rounds)
    chosen = generator.integers(len(operations), size=size).tolist()
    signs = generator.choice([-1, 1], size=size)
    steps = generator.integers(STRENGTHS, size=size, endpoint=True) if policy == "trivial" else RAND_STRENGTH
    strengths = (signs * steps / STRENGTHS).tolist()
    varied = np.empty_like(batch)
    for row, pixels, numbers, values in zip(varied, batch, chosen, strengths, strict=True):
        image = Image.fromarray(pixels)
        for number, strength in zip(numbers, values, strict=True):
            image = operations[number](image, strength)
        row[:] = np.asarray(image)
    return varied


def trivial_operations() -> list[Operation]:
    """The wide space: each takes an image and a strength of -1 to 1, and most are strongest at both ends."""
    return _operations(shear=0.99, turn=135.0, shift=32.0, change=0.99, bits=6)


def rand_operations(width: int) -> list[Operation]:
    """The space of RandAugment, milder. Args: width: of the image, in pixels."""
    return _operations(shear=0.3, turn=30.0, shift=150 / 331 * width, change=0.9, bits=4)


def _operations(*, shear: float, turn: float, shift: float, change: float, bits: int) -> list[Operation]:
    """Args: the strongest shear (a slope), turn (degrees), shift (pixels), change of a factor, and bits dropped."""
    from torchvision.transforms.v2 import functional as f

    def affine(
        image: Any, angle: float = 0.0, x: float = 0.0, y: float = 0.0, slope: tuple[float, float] = (0, 0)
    ) -> Any:
        # Around the corner, as in the papers' own code.
        degrees = [math.degrees(math.atan(part)) for part in slope]
        return f.affine(image, angle=angle, translate=[int(x), int(y)], scale=1.0, shear=degrees, center=[0, 0])

    return [
        lambda image, strength: image,
        lambda image, strength: affine(image, slope=(shear * strength, 0)),
        lambda image, strength: affine(image, slope=(0, shear * strength)),
        lambda image, strength: affine(image, x=shift * strength),
        lambda image, strength: affine(image, y=shift * strength),
        lambda image, strength: f.rotate(image, turn * strength),
        lambda image, strength: f.adjust_brightness(image, 1 + change * strength),
        lambda image, strength: f.adjust_saturation(image, 1 + change * strength),
        lambda image, strength: f.adjust_contrast(image, 1 + change * strength),
        lambda image, strength: f.adjust_sharpness(image, 1 + change * strength),
        lambda image, strength: f.posterize(image, 8 - round(bits * abs(strength))),
        lambda image, strength: f.solarize(image, 255 * (1 - abs(strength))),
        lambda image, strength: f.autocontrast(image),
        lambda image, strength: f.equalize(image),
    ]
