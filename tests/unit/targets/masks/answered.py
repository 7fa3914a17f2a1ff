"""Random labels, and answers that are right in part."""

from typing import Any

import numpy as np

from finetrail.targets.masks.answers import MaskAnswers
from finetrail.targets.masks.codec import MaskCodec
from finetrail.targets.masks.raster import IGNORED, Pixels, label_of

CLASSES = ("background", "cell", "dust", "grain")
CODEC = MaskCodec(CLASSES)
NAMES: dict[int, str | None] = {**dict(enumerate(CLASSES)), IGNORED: None}


def drawn_pixels(seed: int, images: int) -> tuple[list[Pixels], list[Pixels]]:
    """Images of numbers of the label and of the answer. The first has no grain, and some pixels are ignored."""
    generator = np.random.default_rng(seed)
    actual, answers = [], []
    for number in range(images):
        shape = generator.integers(12, 30, 2)
        coarse = generator.integers(0, 3 if number == 0 else 4, (4, 4))
        places = [np.arange(side) * 4 // side for side in shape]
        one = coarse[np.ix_(*places)].astype(np.uint8)
        answer = np.where(generator.random(shape) < 0.15, generator.integers(0, 4, shape), np.roll(one, 1, axis=1))
        one[generator.random(shape) < 0.05] = IGNORED
        actual.append(one)
        answers.append(answer.astype(np.uint8))
    return actual, answers


def drawn_images(seed: int, images: int) -> tuple[list[dict[str, Any]], MaskAnswers]:
    """The same as labels and as answers."""
    actual, answers = drawn_pixels(seed, images)
    confidence = np.random.default_rng(seed).random(images)
    return [label_of(one, NAMES) for one in actual], MaskAnswers([CODEC.answer(one) for one in answers], confidence)
