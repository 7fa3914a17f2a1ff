"""What params.yaml may say about augmentation. No heavy import: the command line reads this before any work."""

from typing import Literal

from pydantic import Field

from finetrail.settings import Settings


class Augment(Settings):
    """Section `train.augment` of params.yaml: how training images vary from epoch to epoch. All off by default.

    Attributes:
        crop: `padded`: a random crop of the image with a border of `padding` pixels around it; `random_resized`: a
            random part of it, of `min_area` to all of its area and a ratio of 3:4 to 4:3 (Szegedy et al. 2014).
        padding: pixels, at the size that the backbone gets.
        min_area: the smallest part, as a share of the area.
        flip: mirror each image left to right with probability 1/2.
        policy: `trivial` (TrivialAugment, Mueller & Hutter 2021) or `rand` (RandAugment, Cubuk et al. 2019).
        mixup: alpha of MixUp (Zhang et al. 2017); 0 for none.
        cutmix: alpha of CutMix (Yun et al. 2019); 0 for none. With both, each batch gets one of the two.
    """

    crop: Literal["none", "padded", "random_resized"] = "none"
    padding: int = Field(4, ge=1)
    min_area: float = Field(0.08, gt=0, le=1)
    flip: bool = False
    policy: Literal["none", "trivial", "rand"] = "none"
    mixup: float = Field(0.0, ge=0)
    cutmix: float = Field(0.0, ge=0)

    @property
    def active(self) -> bool:
        """Whether anything varies."""
        return self != Augment(padding=self.padding, min_area=self.min_area)
