"""What params.yaml may say of images whose labels name places. Light: the command line reads this before any work."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from finetrail.contents.image.settings import ImageBackbone
from finetrail.settings import Settings

STRIDE = 32
"""Pixels of the canvas for each place of the coarsest map of a backbone."""
FLATTEST = 8
"""How many times the shorter side of a canvas the longer one may be."""


class PyramidBackboneSettings(ImageBackbone):
    """Section `backbone` of params.yaml, where a head reads maps of several resolutions.

    Attributes:
        image_size: pixels of the longer side of the canvas that a whole image is fitted into, its proportions kept and
            the rest filled up.
        aspect: width to height of the canvas, such as [4, 3], or the size of most images. The shorter side is rounded
            up to a multiple of 32.
        resize: not used: nothing is cut out of an image.
    """

    aspect: Annotated[tuple[int, int], Field(strict=False)] = (1, 1)

    @model_validator(mode="after")
    def _fits_all_maps(self) -> Self:
        if self.image_size is not None and self.image_size % STRIDE:
            near = max(STRIDE, round(self.image_size / STRIDE) * STRIDE)
            raise ValueError(f"image_size is {self.image_size}, which {STRIDE} does not divide; use {near}")
        if self.resize is not None:
            raise ValueError(f"resize is {self.resize}, but whole images are fitted into image_size; leave it out")
        if min(self.aspect) < 1 or max(self.aspect) > FLATTEST * min(self.aspect):
            raise ValueError(
                f"aspect is {list(self.aspect)}; give width and height of the canvas, such as [4, 3], neither more "
                f"than {FLATTEST} times the other"
            )
        return self


class PlacedAugment(Settings):
    """Section `train.augment` of params.yaml for labels that name places, which follow. All off by default.

    CutMix and the policies of other tasks are left out: they would move or blend what labels name.

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
        return self != type(self)()


class ObjectAugment(PlacedAugment):
    """The same for labels that are objects: parts of an image have labels too, and so do several images in one.

    Attributes:
        crop: cut out a part of each image that keeps an object, as SSD does (Liu et al. 2016): the least share of width
            and of height that a part has; null: none.
        mosaic: how likely a canvas has four images around a point (Bochkovskiy et al. 2020).
        mixup: how likely a canvas is blended with another image, the objects of both learnt (Zhang et al. 2019).
    """

    crop: float | None = Field(None, gt=0, lt=1)
    mosaic: float = Field(0.0, ge=0, le=1)
    mixup: float = Field(0.0, ge=0, le=1)

    @property
    def composes(self) -> bool:
        """Whether a canvas may show several images, or parts of them."""
        return self.crop is not None or self.mosaic > 0 or self.mixup > 0


class PlacedTraining(Settings):
    """What section `train` of params.yaml says of images whose labels name places.

    Attributes:
        augment: how training images, and the places in them, vary from epoch to epoch.
    """

    augment: PlacedAugment = PlacedAugment()


class ObjectTraining(Settings):
    """The same where labels are objects. Attributes: augment: see `PlacedTraining`."""

    augment: ObjectAugment = ObjectAugment()
