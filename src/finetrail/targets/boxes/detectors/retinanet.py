"""RetinaNet (Lin et al. 2017): nine anchors at every place, and a focal loss against so much background."""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from torchvision.models.detection._utils import BoxCoder, Matcher
from torchvision.models.detection.anchor_utils import AnchorGenerator
from torchvision.models.detection.retinanet import RetinaNetHead
from torchvision.ops import Conv2dNormActivation, sigmoid_focal_loss

from finetrail.models.pyramid import Pyramid
from finetrail.targets.boxes.detections import CANDIDATES, LEAST, MOST
from finetrail.targets.boxes.detectors.anchors import RATIOS, SIDE, anchors_of, matched, on_canvas, parts
from finetrail.targets.boxes.detectors.maps import MapsHead, levels_of, named, norm

OVERLAP = 0.5
BY_OBJECTS = False
WHOLE = ("RetinaNet",)
OPTIONS = {"score_thresh": LEAST, "detections_per_img": MOST, "topk_candidates": CANDIDATES}
FIRST = 0
_OCTAVE = tuple(2 ** (third / 3) for third in range(3))
_CODER = BoxCoder((1.0, 1.0, 1.0, 1.0))
_MATCHER = Matcher(0.5, 0.4, allow_low_quality_matches=True)


class Head(MapsHead):
    """Maps a pyramid as features (B, D) to outputs (B, A, K + 10); see `anchors.parts`."""

    anchors: Tensor

    def __init__(self, pyramid: Pyramid, classes: int, width: int, tower: int) -> None:
        super().__init__(pyramid, width)
        above: Any = pyramid.above
        if above is None:
            self.head = RetinaNetHead(width, len(_OCTAVE) * len(RATIOS), classes, norm_layer=norm)
            for one in (self.head.classification_head, self.head.regression_head):
                one.conv = nn.Sequential(*(_block(width) for _ in range(tower)))
            sizes = tuple(tuple(SIDE * stride * more for more in _OCTAVE) for _, _, stride in levels_of(pyramid))
            generator: nn.Module = AnchorGenerator(sizes, (RATIOS,) * len(sizes))
        else:
            self.head, generator = above.head, above.anchor_generator
            own = self.head.classification_head
            new = RetinaNetHead(own.cls_logits.in_channels, own.num_anchors, classes).classification_head
            own.cls_logits, own.num_classes = new.cls_logits, classes
        self.register_buffer("anchors", anchors_of(pyramid, generator, self.shapes()), persistent=False)

    def forward(self, features: Tensor) -> Tensor:
        found = self.head(self.maps(features))
        anchors = self.anchors.expand(len(features), -1, -1)
        return torch.cat([found["cls_logits"], found["bbox_regression"], anchors], dim=2)


def image_losses(outputs: Tensor, targets: Tensor) -> Tensor:
    """The loss of each image (B,): focal loss of the classes, L1 of the boxes, by the anchors that have an object.

    See `finetrail.targets.boxes.detectors.detector.Detector.image_losses`.
    """
    return torch.stack([_loss(one, target) for one, target in zip(outputs, targets, strict=True)])


def read(outputs: Tensor) -> tuple[Tensor, Tensor]:
    """See `finetrail.targets.boxes.detectors.detector.Detector.read`."""
    logits, deltas, anchors = parts(outputs)
    return on_canvas(_CODER.decode_single(deltas, anchors), outputs), logits.sigmoid()


def state(head: nn.Module) -> dict[str, Tensor]:
    """See `finetrail.targets.boxes.detectors.detector.Detector.state`."""
    return named(head, {"fpn": "backbone.fpn", "head": "head"})


def _loss(outputs: Tensor, target: Tensor) -> Tensor:
    logits, deltas, anchors = parts(outputs)
    numbers, objects = matched(_MATCHER, anchors, target)
    there, counts = numbers >= 0, numbers != Matcher.BETWEEN_THRESHOLDS
    own = objects[numbers[there]]
    wanted = torch.zeros_like(logits)
    wanted[there, own[:, 4].long()] = 1
    lost = sigmoid_focal_loss(logits[counts], wanted[counts], reduction="sum")
    moves = _CODER.encode_single(own[:, :4], anchors[there])
    lost = lost + functional.l1_loss(deltas[there], moves, reduction="sum")
    mean: Tensor = lost / there.sum().clamp(min=1)
    return mean


def _block(width: int) -> nn.Sequential:
    """A convolution of a tower, whose length torchvision fixes at four."""
    block: nn.Sequential = Conv2dNormActivation(width, width, norm_layer=norm)
    nn.init.normal_(block.get_submodule("0").get_parameter("weight"), std=0.01)
    return block
