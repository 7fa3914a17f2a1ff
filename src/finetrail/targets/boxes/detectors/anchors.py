"""What detectors with anchors share: boxes that lie ready at every place, and which object each is to become."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torchvision.models.detection._utils import Matcher
from torchvision.models.detection.image_list import ImageList
from torchvision.ops import box_iou

from finetrail.models.pyramid import Pyramid

AROUND = 10
"""What an output holds behind its logits: how the anchor is to change; the anchor, xyxy on the canvas; and the width
and height of the canvas."""
SIDE = 4
"""Strides that the side of a map's smallest anchor has."""
RATIOS = (0.5, 1.0, 2.0)


def anchors_of(pyramid: Pyramid, generator: nn.Module, shapes: Sequence[tuple[int, int]]) -> Tensor:
    """The anchors of all maps, and the canvas behind each (A, 6).

    Args:
        generator: of torchvision.
        shapes: height and width of each map.
    """
    canvas = pyramid.canvas
    images = ImageList(torch.zeros(1, 3, *canvas), [canvas])
    found: Tensor = generator(images, [torch.zeros(1, 1, *shape) for shape in shapes])[0]
    return with_canvas(found, pyramid)


def with_canvas(boxes: Tensor, pyramid: Pyramid) -> Tensor:
    """Boxes (A, D) with the width and height of their canvas behind them (A, D + 2)."""
    size = boxes.new_tensor(pyramid.canvas[::-1])
    return torch.cat([boxes, size.expand(len(boxes), 2)], dim=1)


def on_canvas(boxes: Tensor, outputs: Tensor) -> Tensor:
    """Boxes (A, 4) without what is outside of the canvas. Args: outputs: that end with it (A, D)."""
    return torch.minimum(boxes.clamp(min=0), outputs[:, -2:].repeat(1, 2))


def parts(outputs: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Logits (A, L), deltas (A, 4) and anchors (A, 4) of outputs (A, L + 10)."""
    logits, deltas, anchors, _ = torch.split(outputs, [outputs.shape[1] - AROUND, 4, 4, 2], dim=1)
    return logits, deltas, anchors


def matched(matcher: Matcher, anchors: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
    """The object of each anchor: -1 for none, -2 for one that counts neither as an object nor as background.

    Args:
        matcher: of torchvision.
        anchors: (A, 4).
        target: (M, 5), of one image.

    Returns:
        Numbers (A,), and the objects that they count (m, 5).
    """
    objects = target[target[:, 4] >= 0]
    if not len(objects):
        return anchors.new_full((len(anchors),), -1, dtype=torch.long), objects
    numbers: Tensor = matcher(box_iou(objects[:, :4], anchors))
    return numbers, objects
