"""The head of FCOS (Tian et al. 2019) on a feature pyramid (Lin et al. 2017), of torchvision's modules.

At every place of five maps it says how likely an object of each class lies around that place, how far its edges are,
and how near the place is to its centre.
"""

from collections import OrderedDict

import torch
from torch import Tensor, nn
from torchvision.models.detection.fcos import FCOSHead
from torchvision.ops.feature_pyramid_network import FeaturePyramidNetwork, LastLevelP6P7

from finetrail.models.pyramid import Pyramid

AROUND = 8
"""What an output holds behind its K classes: nearness to the centre; four distances; x and y of its place; stride."""


class BoxHead(nn.Module):
    """Maps a pyramid as features (B, D) to outputs (B, A, K + 8) at A places, the finest map first.

    The distances, to the left, upper, right and lower edge, are in pixels of the canvas, as are the places, which
    belong to the outputs so that nothing else has to know how the maps lie.
    """

    places: Tensor

    def __init__(self, pyramid: Pyramid, classes: int, width: int, tower: int) -> None:
        super().__init__()
        self.pyramid = pyramid
        self.fpn = FeaturePyramidNetwork(pyramid.channels, width, extra_blocks=LastLevelP6P7(width, width))
        self.head = FCOSHead(width, 1, classes, tower)
        self.register_buffer("places", places_of(pyramid), persistent=False)

    def forward(self, features: Tensor) -> Tensor:
        maps = OrderedDict((str(number), one) for number, one in enumerate(self.pyramid.maps(features)))
        found = self.head(list(self.fpn(maps).values()))
        places = self.places.expand(len(features), -1, -1)
        distances = found["bbox_regression"] * places[:, :, 2:]
        return torch.cat([found["cls_logits"], found["bbox_ctrness"], distances, places], dim=2)


def places_of(pyramid: Pyramid) -> Tensor:
    """The middle of each place, and its stride (A, 3), with two further maps above the coarsest."""
    maps = [(height, width, stride) for (_, height, width), stride in zip(pyramid.shapes, pyramid.strides, strict=True)]
    for _ in range(2):
        height, width, stride = maps[-1]
        maps.append(((height + 1) // 2, (width + 1) // 2, stride * 2))
    found = []
    for height, width, stride in maps:
        y, x = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
        middle = (torch.stack([x, y], dim=2).reshape(-1, 2) + 0.5) * stride
        found.append(torch.cat([middle, torch.full((len(middle), 1), float(stride))], dim=1))
    return torch.cat(found)
