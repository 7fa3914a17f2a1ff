"""SSDLite (Liu et al. 2016; Sandler et al. 2018): depthwise convolutions, six anchors a place, hard negatives."""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from torchvision.models.detection._utils import BoxCoder, SSDMatcher
from torchvision.models.detection.anchor_utils import DefaultBoxGenerator
from torchvision.models.detection.ssdlite import SSDLiteHead
from torchvision.ops import Conv2dNormActivation

from finetrail.models.pyramid import Pyramid
from finetrail.targets.boxes.detections import CANDIDATES, LEAST, MOST
from finetrail.targets.boxes.detectors.anchors import SIDE, anchors_of, matched, on_canvas, parts
from finetrail.targets.boxes.detectors.maps import MapsHead, levels_of, named, norm

OVERLAP = 0.55
BY_OBJECTS = True
WHOLE = ("SSD",)
OPTIONS = {"score_thresh": LEAST, "detections_per_img": MOST, "topk_candidates": CANDIDATES}
FIRST = 1
NEGATIVES = 3
"""Anchors of background that count for each that has an object: those of highest loss."""
_CODER = BoxCoder((10.0, 10.0, 5.0, 5.0))
_MATCHER = SSDMatcher(0.5)


class Head(MapsHead):
    """Maps a pyramid as features (B, D) to outputs (B, A, K + 11), background first; see `anchors.parts`."""

    anchors: Tensor

    def __init__(self, pyramid: Pyramid, classes: int, width: int, tower: int) -> None:
        super().__init__(pyramid, width)
        above: Any = pyramid.above
        if above is None:
            levels = levels_of(pyramid)
            side = min(pyramid.canvas)
            scales = [min(1.0, SIDE * stride / side) for _, _, stride in levels]
            generator = DefaultBoxGenerator([[2, 3]] * len(levels), scales=[*scales, 1.0])
            self.tower = nn.Sequential(*(_block(width) for _ in range(tower)))
            of_each = generator.num_anchors_per_location()
            self.head = SSDLiteHead([width] * len(levels), of_each, classes + 1, norm)
        else:
            self.head, generator, self.tower = above.head, above.anchor_generator, nn.Sequential()
            own = self.head.classification_head
            widths = [level[1].in_channels for level in own.module_list]
            new = SSDLiteHead(widths, generator.num_anchors_per_location(), classes + 1, norm).classification_head
            for level, fresh in zip(own.module_list, new.module_list, strict=True):
                level[1] = fresh[1]
            own.num_columns = classes + 1
        self.register_buffer("anchors", anchors_of(pyramid, generator, self.shapes()), persistent=False)

    def forward(self, features: Tensor) -> Tensor:
        found = self.head([self.tower(one) for one in self.maps(features)])
        anchors = self.anchors.expand(len(features), -1, -1)
        return torch.cat([found["cls_logits"], found["bbox_regression"], anchors], dim=2)


def image_losses(outputs: Tensor, targets: Tensor) -> Tensor:
    """The loss of each image (B,): cross-entropy of the classes, smooth L1 of the boxes, by the anchors with an object.

    An image without an object has no loss: its hardest negatives are three times none.
    See `finetrail.targets.boxes.detectors.detector.Detector.image_losses`.
    """
    return torch.stack([_loss(one, target) for one, target in zip(outputs, targets, strict=True)])


def read(outputs: Tensor) -> tuple[Tensor, Tensor]:
    """See `finetrail.targets.boxes.detectors.detector.Detector.read`."""
    logits, deltas, anchors = parts(outputs)
    return on_canvas(_CODER.decode_single(deltas, anchors), outputs), logits.softmax(dim=1)[:, 1:]


def state(head: nn.Module) -> dict[str, Tensor]:
    """See `finetrail.targets.boxes.detectors.detector.Detector.state`."""
    return named(head, {"fpn": "backbone", "head": "head"})


def _loss(outputs: Tensor, target: Tensor) -> Tensor:
    logits, deltas, anchors = parts(outputs)
    numbers, objects = matched(_MATCHER, anchors, target)
    there = numbers >= 0
    own = objects[numbers[there]]
    wanted = torch.zeros_like(numbers)
    wanted[there] = own[:, 4].long() + 1
    of_each = functional.cross_entropy(logits, wanted, reduction="none")
    hard = of_each[~there].sort(descending=True, stable=True).values[: NEGATIVES * int(there.sum())]
    moves = _CODER.encode_single(own[:, :4], anchors[there])
    lost = of_each[there].sum() + hard.sum() + functional.smooth_l1_loss(deltas[there], moves, reduction="sum")
    mean: Tensor = lost / there.sum().clamp(min=1)
    return mean


def _block(width: int) -> nn.Module:
    """A depthwise convolution, and one of single places."""
    relu6 = nn.ReLU6
    return nn.Sequential(
        Conv2dNormActivation(width, width, groups=width, norm_layer=norm, activation_layer=relu6),
        Conv2dNormActivation(width, width, kernel_size=1, norm_layer=norm, activation_layer=relu6),
    )
