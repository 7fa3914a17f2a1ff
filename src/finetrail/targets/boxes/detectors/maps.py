"""The maps that all detectors read: a feature pyramid (Lin et al. 2017) of a backbone's maps, and two above them."""

from collections import OrderedDict

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
        width: channels of every map.
    """

    def __init__(self, pyramid: Pyramid, width: int) -> None:
        super().__init__()
        self.pyramid = pyramid
        self.fpn = FeaturePyramidNetwork(pyramid.channels, width, extra_blocks=LastLevelP6P7(width, width))

    def maps(self, features: Tensor) -> list[Tensor]:
        """Five maps (B, `width`, H, W) of features (B, D), the finest first."""
        own = OrderedDict((str(number), one) for number, one in enumerate(self.pyramid.maps(features)))
        return list(self.fpn(own).values())


def levels_of(pyramid: Pyramid) -> list[tuple[int, int, int]]:
    """Height, width and stride of each of the five maps."""
    found = [
        (height, width, stride) for (_, height, width), stride in zip(pyramid.shapes, pyramid.strides, strict=True)
    ]
    for _ in range(2):
        height, width, stride = found[-1]
        found.append(((height + 1) // 2, (width + 1) // 2, stride * 2))
    return found


def canvas_of(pyramid: Pyramid) -> tuple[int, int]:
    """Height and width of the canvas in pixels."""
    (_, height, width), stride = pyramid.shapes[0], pyramid.strides[0]
    return height * stride, width * stride
