"""Maps of several resolutions as one vector of features, so that they are cached, split and moved as every other."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import prod

import torch
from torch import Tensor, nn


@dataclass(frozen=True)
class Pyramid:
    """The maps of a backbone, the finest first.

    Attributes:
        shapes: channels, height and width of each.
        strides: pixels of the canvas from one place of a map to the next.
        above: the rest of a whole model, with its own weights, where the backbone was a part of one.
    """

    shapes: tuple[tuple[int, int, int], ...]
    strides: tuple[int, ...]
    above: nn.Module | None = field(default=None, compare=False, repr=False)

    @property
    def width(self) -> int:
        """Numbers of all maps of an image."""
        return sum(map(prod, self.shapes))

    @property
    def channels(self) -> list[int]:
        """Of each map."""
        return [channels for channels, _, _ in self.shapes]

    @property
    def canvas(self) -> tuple[int, int]:
        """Height and width of the canvas in pixels."""
        (_, height, width), stride = self.shapes[0], self.strides[0]
        return height * stride, width * stride

    @staticmethod
    def packed(maps: Sequence[Tensor]) -> Tensor:
        """The features (B, D) that maps (B, C, H, W) are."""
        return torch.cat([one.flatten(1) for one in maps], dim=1)

    def maps(self, features: Tensor) -> list[Tensor]:
        """The maps (B, C, H, W) that features (B, D) are."""
        parts = torch.split(features, [prod(shape) for shape in self.shapes], dim=1)
        return [torch.unflatten(part, 1, shape) for part, shape in zip(parts, self.shapes, strict=True)]
