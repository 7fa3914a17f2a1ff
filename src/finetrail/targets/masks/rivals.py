"""Masks that need no model: the commonest class, and for two classes a threshold of brightness."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from finetrail.data.image_files import open_image, turned
from finetrail.evaluation.slices import SplitRows
from finetrail.targets.masks.answers import MaskAnswers
from finetrail.targets.masks.codec import MaskCodec
from finetrail.targets.masks.raster import IGNORED, Pixels, numbers_of
from finetrail.targets.masks.scores import nearest

LEVELS = 256
Labels = Sequence[Mapping[str, Any]]


def rivals(codec: MaskCodec, asked: SplitRows, known: SplitRows) -> Mapping[str, MaskAnswers]:
    """Answers to rows by what the training rows show."""
    found = {"the commonest class": commonest(codec, known.labels, asked.labels)}
    if len(codec.classes) == 2:
        found["a threshold of brightness"] = _by_brightness(codec, asked, known)
    return found


def commonest(codec: MaskCodec, known: Labels, labels: Labels) -> MaskAnswers:
    """The class with the most pixels of `known` everywhere in images of the sizes of `labels`."""
    counts = np.zeros(len(codec.classes), dtype=np.int64)
    for label in known:
        numbers = numbers_of(label, codec.classes)
        counts += np.bincount(numbers[numbers != IGNORED], minlength=len(counts))
    number = int(counts.argmax())
    masks = [codec.answer(np.full((label["height"], label["width"]), number, dtype=np.uint8)) for label in labels]
    return MaskAnswers(masks, np.full(len(masks), counts[number] / max(1, counts.sum())))


def _by_brightness(codec: MaskCodec, asked: SplitRows, known: SplitRows) -> MaskAnswers:
    """One class up to the level of grey, and the other above it, that give the highest mean IoU on the known rows."""
    counts = np.zeros((2, LEVELS), dtype=np.int64)
    for label, content in zip(known.labels, known.contents(), strict=True):
        numbers = numbers_of(label, codec.classes)
        grey = nearest(_grey(content), label["width"], label["height"])
        for number in (0, 1):
            counts[number] += np.bincount(grey[numbers == number], minlength=LEVELS)
    level, dark = _threshold(counts)
    masks = []
    for label, content in zip(asked.labels, asked.contents(), strict=True):
        grey = nearest(_grey(content), label["width"], label["height"])
        masks.append(codec.answer(np.where(grey <= level, dark, 1 - dark).astype(np.uint8)))
    return MaskAnswers(masks, np.ones(len(masks)))


def _threshold(counts: NDArray[np.int64]) -> tuple[int, int]:
    """The best level, and the class of what is not brighter. Args: counts: pixels by class and level (2, LEVELS)."""
    below = counts.cumsum(axis=1)
    above = below[:, -1:] - below
    ious = [
        sum(
            hit / np.maximum(1, hit + missed + wrong)
            for hit, missed, wrong in (
                (below[dark], above[dark], below[1 - dark]),
                (above[1 - dark], below[1 - dark], above[dark]),
            )
        )
        for dark in (0, 1)
    ]
    dark, level = np.unravel_index(np.argmax(ious), (2, LEVELS))
    return int(level), int(dark)


def _grey(content: bytes) -> Pixels:
    """An upright image in levels of grey (H, W)."""
    return np.asarray(turned(open_image(content)).convert("L"))
