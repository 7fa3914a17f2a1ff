"""What params.yaml may say of images whose labels name places. Light: the command line reads this before any work."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from finetrail.contents.image.settings import ImageBackbone
from finetrail.settings import Settings

STRIDE = 32
"""Pixels of the canvas for each place of the coarsest map of a backbone."""


class PyramidBackboneSettings(ImageBackbone):
    """Section `backbone` of params.yaml, where a head reads maps of several resolutions.

    Attributes:
        image_size: pixels of the square that a whole image is fitted into, its proportions kept and its rest filled up.
        resize: not used: nothing is cut out of an image.
    """

    @model_validator(mode="after")
    def _fits_all_maps(self) -> Self:
        if self.image_size is not None and self.image_size % STRIDE:
            near = max(STRIDE, round(self.image_size / STRIDE) * STRIDE)
            raise ValueError(f"image_size is {self.image_size}, which {STRIDE} does not divide; use {near}")
        if self.resize is not None:
            raise ValueError(f"resize is {self.resize}, but whole images are fitted into image_size; leave it out")
        return self


class PlacedAugment(Settings):
    """Section `train.augment` of params.yaml for labels that name places, which follow. All off by default.

    MixUp, CutMix and the policies of other tasks are left out: they would move or blend what labels name.

    Attributes:
        flip: mirror each image left to right with probability 1/2; `both`: and upside down, which suits images without
            a natural top, such as those of microscopes.
        scale: the least and the largest factor by which an image is resized, drawn anew; its place on the canvas, or
            the part of it that fits there, is drawn too (large scale jitter, Ghiasi et al. 2021); null: neither.
        color: by how much brightness, contrast and saturation vary, as a share.
    """

    flip: Literal["none", "horizontal", "both"] = "none"
    scale: Annotated[tuple[float, float], Field(strict=False)] | None = None
    color: float = Field(0.0, ge=0, lt=1)

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.scale is not None and not 0.1 <= self.scale[0] <= self.scale[1] <= 10:
            raise ValueError(
                f"scale is [{self.scale[0]:g}, {self.scale[1]:g}]; give the least and the largest factor, 0.1 to 10"
            )
        return self

    @property
    def active(self) -> bool:
        """Whether anything varies."""
        return self != PlacedAugment()


class PlacedTraining(Settings):
    """What section `train` of params.yaml says of images whose labels name places.

    Attributes:
        augment: how training images, and the places in them, vary from epoch to epoch.
    """

    augment: PlacedAugment = PlacedAugment()
