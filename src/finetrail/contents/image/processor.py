"""Images made ready for a vision backbone: decoded, kept, varied in training, and shown to a person."""

import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

from finetrail.contents.image.augment import crops
from finetrail.contents.image.augment.mixing import Mixed, mix
from finetrail.contents.image.augment.policies import vary
from finetrail.contents.image.augment.settings import Augment
from finetrail.contents.image.decode import decode
from finetrail.contents.image.inputs import KeptInputs, seen
from finetrail.contents.image.kept import LIMITS, Decoded, Encoded, Limits
from finetrail.contents.image.preprocessing import Preprocessing
from finetrail.contents.image.views import Pixels, centre, evaluation_view, whole_shape, whole_view
from finetrail.data.image_files import open_image
from finetrail.errors import ImageError
from finetrail.evaluation.report.previews import Preview
from finetrail.models.inputs import Changes, Values, targets_of
from finetrail.models.network import Batch

PREVIEW_SIDE = 128
"""Pixels of the longer side of a preview."""
LOSSLESS_SIDE = 64
"""Images up to this size are shown pixel by pixel."""


@dataclass(frozen=True)
class ImageInputs(KeptInputs[Augment]):
    """The images of a split: the evaluation views (S, S, 3), or whole ones where `augment` cuts random parts out."""

    def batch(self, indices: Sequence[int], seed: int | None = None) -> Batch:
        """`pixels` (B, 3, S, S), 0..255, channels last in memory; uint8, or float32 after MixUp."""
        generator = np.random.default_rng(seed) if seed is not None and self.varies else None
        pixels = self._cut(self.images.take(indices), generator)
        mixed = mix(pixels, self.augment, generator) if generator else Mixed(pixels)
        changes = Changes()
        if mixed.partner is not None and mixed.share is not None:
            changes = Changes(torch.from_numpy(mixed.partner), torch.from_numpy(mixed.share))
        batch = {"pixels": torch.from_numpy(mixed.pixels).permute(0, 3, 1, 2)}
        return batch | targets_of(self, indices, changes)

    def _cut(self, images: list[Pixels], generator: np.random.Generator | None) -> Pixels:
        """(B, S, S, 3)."""
        size = self.preprocessing.image_size
        whole = self.augment.crop == "random_resized"
        if generator is None:
            views = [centre(Image.fromarray(image), self.preprocessing) for image in images] if whole else images
            return crops.plain(views, size)
        if whole:
            batch = crops.random_resized(images, self.augment.min_area, self.preprocessing, generator)
        elif self.augment.crop == "padded":
            batch = crops.padded(images, size, self.augment.padding, generator)
        else:
            batch = crops.plain(images, size)
        if self.augment.flip:
            batch = crops.mirror(batch, generator)
        return batch if self.augment.policy == "none" else vary(batch, self.augment.policy, generator)


@dataclass(frozen=True)
class ImageProcessor:
    """Turns encoded images into `ImageInputs` of the size that the backbone takes."""

    preprocessing: Preprocessing
    limits: Limits = LIMITS

    def encode(self, values: Values, *, augment: Any = None, scratch: Path | None = None) -> ImageInputs:
        """Decode the images once, or keep them encoded where they would take more bytes than `limits.decoded`.

        Args: see `finetrail.contents.content.Processor`; the values are encoded images.

        Raises:
            ImageError: a value is not a whole image; the message has its number.
        """
        chosen: Augment = augment or Augment()
        whole = chosen.crop == "random_resized"
        view: Callable[[bytes], Pixels] = partial(
            whole_view if whole else evaluation_view, preprocessing=self.preprocessing
        )
        size = sum(map(self._whole_bytes, values)) if whole else 3 * self.preprocessing.image_size**2 * len(values)
        keep = Decoded if size <= self.limits.decoded else Encoded
        return ImageInputs(keep(values, view, scratch, self.limits), self.preprocessing, chosen)

    def show(self, batch: Batch) -> list[Preview]:
        """The images of a batch as the model sees them."""
        return [_preview(image) for image in seen(batch)]

    def preview(self, value: Any) -> Preview:
        """An image, made small. Raises: ImageError: the value is not a whole image."""
        return _preview(decode(value))

    def _whole_bytes(self, data: bytes) -> int:
        try:
            image = open_image(data)  # reads no more than the header
        except ImageError:
            return 0  # the decoder reports what is wrong
        height, width = whole_shape(image.height, image.width, self.preprocessing)
        return 3 * height * width


def _preview(image: Image.Image) -> Preview:
    if max(image.size) > PREVIEW_SIDE:
        image = image.copy()
        image.thumbnail((PREVIEW_SIDE, PREVIEW_SIDE))
    file = io.BytesIO()
    if max(image.size) <= LOSSLESS_SIDE:
        image.save(file, "PNG")
    else:
        image.save(file, "JPEG", quality=85)
    return Preview(image=file.getvalue())
