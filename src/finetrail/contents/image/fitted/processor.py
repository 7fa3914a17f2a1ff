"""Whole images made ready for a backbone and a head that names places in them."""

import io
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

from finetrail.contents.image.decode import decode
from finetrail.contents.image.fitted.settings import ObjectAugment, PlacedAugment
from finetrail.contents.image.fitted.varied import Photos, varied
from finetrail.contents.image.fitted.views import Sizes, fitted_view, placements_of, plain
from finetrail.contents.image.inputs import KeptInputs, seen
from finetrail.contents.image.kept import LIMITS, Decoded, Encoded, Limits
from finetrail.contents.image.preprocessing import Preprocessing
from finetrail.data.image_files import upright_size
from finetrail.evaluation.report.previews import Preview
from finetrail.models.inputs import Boxed, Changes, Values, targets_of
from finetrail.models.network import Batch
from finetrail.models.placements import Placements

NO_BOXES = np.zeros((0, 4))
PREVIEW_SIDE = 320
"""Pixels of the longer side of a preview: boxes of small objects have to be seen."""


@dataclass(frozen=True)
class FittedInputs(KeptInputs[PlacedAugment]):
    """The whole images of a split, each so large that it fills the canvas in width or height.

    Attributes:
        sizes: width and height of each upright image (N, 2).
    """

    sizes: Sizes = field(kw_only=True)

    @property
    def placements(self) -> Placements:
        """Where each image lies on its canvas without augmentation."""
        return placements_of(self.sizes, self.preprocessing)

    def batch(self, indices: Sequence[int], seed: int | None = None) -> Batch:
        """`pixels` (B, 3, H, W), uint8, 0..255, channels last in memory."""
        images, sizes = self.images.take(indices), self.sizes[list(indices)]
        if seed is None or not self.varies:
            canvases, placements = plain(images, sizes, self.preprocessing)
            changes = Changes(placements=placements)
        else:
            # Those of masks have no more than a part of these settings.
            augment = ObjectAugment(**self.augment.model_dump())
            known = self.targets.boxes if isinstance(self.targets, Boxed) else None
            boxes = [known[index] if known is not None else NO_BOXES for index in indices]
            generator = np.random.default_rng(seed)
            canvases, collage = varied(Photos(images, sizes, boxes), augment, self.preprocessing, generator)
            changes = Changes(collage=collage) if augment.composes else Changes(placements=collage.placements)
        batch = {"pixels": torch.from_numpy(canvases).permute(0, 3, 1, 2)}
        return batch | targets_of(self, indices, changes)


@dataclass(frozen=True)
class FittedProcessor:
    """Turns encoded images into `FittedInputs`. See `finetrail.contents.content.Processor`."""

    preprocessing: Preprocessing
    limits: Limits = LIMITS

    def encode(self, values: Values, *, augment: Any = None, scratch: Path | None = None) -> FittedInputs:
        """Decode the images once, or keep them encoded where they would take more bytes than `limits.decoded`.

        Raises:
            ImageError: a value is not a whole image; the message has its number.
        """
        size = 3 * prod(self.preprocessing.canvas) * len(values)
        keep = Decoded if size <= self.limits.decoded else Encoded
        kept = keep(values, partial(fitted_view, preprocessing=self.preprocessing), scratch, self.limits)
        sizes = np.array([upright_size(data) or (1, 1) for data in values], dtype=np.int64).reshape(-1, 2)
        return FittedInputs(kept, self.preprocessing, augment or PlacedAugment(), sizes=sizes)

    def show(self, batch: Batch) -> list[Preview]:
        """The canvases of a batch as the model sees them."""
        return [_preview(image) for image in seen(batch)]

    def preview(self, value: Any) -> Preview:
        """An image, made small. Raises: ImageError: the value is not a whole image."""
        return _preview(decode(value))


def _preview(image: Image.Image) -> Preview:
    size = image.size
    image = image.copy()
    image.thumbnail((PREVIEW_SIDE, PREVIEW_SIDE))
    file = io.BytesIO()
    image.save(file, "JPEG", quality=80)
    return Preview(image=file.getvalue(), size=size)
