"""The maps that all detectors read: a feature pyramid (Lin et al. 2017) of a backbone's maps, and two above them; or
those of a whole detector.
"""

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn
from torchvision.ops.feature_pyramid_network import FeaturePyramidNetwork, LastLevelP6P7

from finetrail.models.pyramid import Pyramid

GROUPS = 32
"""Of the norms of the heads: a batch norm would make the loss of an image depend on the others in its batch."""


def norm(channels: int) -> nn.Module:
    """The norm of a head's convolutions."""
    return nn.GroupNorm(GROUPS, channels)


class MapsHead(nn.Module):
    """The part that all heads share.

    Args:
        pyramid: of the backbone.
        width: channels of every map; a whole detector has its own.
    """

    def __init__(self, pyramid: Pyramid, width: int) -> None:
        super().__init__()
        self.pyramid = replace(pyramid, above=None)
        above: Any = pyramid.above
        self.fpn: nn.Module = (
            FeaturePyramidNetwork(pyramid.channels, width, extra_blocks=LastLevelP6P7(width, width))
            if above is None
            else above.backbone
        )

    @torch.no_grad()
    def shapes(self) -> list[tuple[int, int]]:
        """Height and width of each of its maps."""
        return [(one.shape[2], one.shape[3]) for one in self.maps(torch.zeros(1, self.pyramid.width))]

    def maps(self, features: Tensor) -> list[Tensor]:
        """The maps (B, C, H, W) of features (B, D), the finest first."""
        own = OrderedDict((str(number), one) for number, one in enumerate(self.pyramid.maps(features)))
        return list(self.fpn(own).values())


def levels_of(pyramid: Pyramid) -> list[tuple[int, int, int]]:
    """Height, width and stride of each of the five maps of a new head."""
    found = [
        (height, width, stride) for (_, height, width), stride in zip(pyramid.shapes, pyramid.strides, strict=True)
    ]
    for _ in range(2):
        height, width, stride = found[-1]
        found.append(((height + 1) // 2, (width + 1) // 2, stride * 2))
    return found


def named(head: nn.Module, places: Mapping[str, str]) -> dict[str, Tensor]:
    """The tensors of parts of a head, under other names. Args: places: the new name of each part."""
    return {
        f"{place}.{key}": tensor
        for part, place in places.items()
        for key, tensor in head.get_submodule(part).state_dict().items()
    }
