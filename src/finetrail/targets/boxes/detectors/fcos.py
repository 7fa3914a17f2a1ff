"""FCOS (Tian et al. 2019): no anchors. At every place of the maps it says how likely an object of each class lies
around that place, how far its edges are, and how near the place is to its centre.
"""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from torchvision.models.detection.fcos import FCOSHead
from torchvision.ops import generalized_box_iou_loss, sigmoid_focal_loss

from finetrail.models.pyramid import Pyramid
from finetrail.targets.boxes.detections import CANDIDATES, LEAST, MOST
from finetrail.targets.boxes.detectors.anchors import anchors_of, on_canvas, with_canvas
from finetrail.targets.boxes.detectors.maps import MapsHead, levels_of, named

OVERLAP = 0.6
BY_OBJECTS = True
WHOLE = ("FCOS",)
OPTIONS = {"score_thresh": LEAST, "detections_per_img": MOST, "topk_candidates": CANDIDATES}
FIRST = 0
AROUND = 10
"""What an output holds behind its K classes: nearness to the centre; four distances; x and y of its place; stride; and
the width and height of the canvas."""
RADIUS = 1.5
"""Strides from the middle of an object within which places are responsible for it."""
REACH = (4.0, 8.0)
"""Strides to the farthest edge of the objects that a map is responsible for; the first and the last map have no end."""


class Head(MapsHead):
    """Maps a pyramid as features (B, D) to outputs (B, A, K + 10) at A places, the finest map first.

    The distances, to the left, upper, right and lower edge, are in pixels of the canvas, as are the places, which
    belong to the outputs so that nothing else has to know how the maps lie.
    """

    places: Tensor

    def __init__(self, pyramid: Pyramid, classes: int, width: int, tower: int) -> None:
        super().__init__(pyramid, width)
        above: Any = pyramid.above
        if above is None:
            self.head, places = FCOSHead(width, 1, classes, tower), with_canvas(places_of(pyramid), pyramid)
        else:
            self.head = above.head
            own = self.head.classification_head
            new = FCOSHead(own.cls_logits.in_channels, own.num_anchors, classes, 0).classification_head
            own.cls_logits, own.num_classes = new.cls_logits, classes
            boxes = anchors_of(pyramid, above.anchor_generator, self.shapes())
            places = torch.cat([(boxes[:, :2] + boxes[:, 2:4]) / 2, boxes[:, 2:3] - boxes[:, :1], boxes[:, 4:]], dim=1)
        self.register_buffer("places", places, persistent=False)

    def forward(self, features: Tensor) -> Tensor:
        found = self.head(self.maps(features))
        places = self.places.expand(len(features), -1, -1)
        distances = found["bbox_regression"] * places[:, :, 2:3]
        return torch.cat([found["cls_logits"], found["bbox_ctrness"], distances, places], dim=2)


def image_losses(outputs: Tensor, targets: Tensor) -> Tensor:
    """The loss of each image (B,): focal loss of the classes, GIoU of the boxes, cross-entropy of the nearness.

    Each is summed over the places of an image and divided by those that are responsible for an object.

    See `finetrail.targets.boxes.detectors.detector.Detector.image_losses`.
    """
    classes = outputs.shape[2] - AROUND
    logits, nearness, distances, places, _ = torch.split(outputs, [classes, 1, 4, 3, 2], dim=2)
    chosen, responsible = assigned(places[0], targets)
    own = targets.gather(1, chosen.unsqueeze(2).expand(-1, -1, 5))  # (B, A, 5)
    wanted = functional.one_hot(own[:, :, 4].clamp(min=0).long(), classes) * responsible.unsqueeze(2)
    lost = sigmoid_focal_loss(logits, wanted.to(logits.dtype)).sum(dim=(1, 2))
    there = responsible.nonzero(as_tuple=True)
    boxes = boxes_at(places[there], distances[there])
    lost = lost.index_add(0, there[0], generalized_box_iou_loss(boxes, own[there][:, :4]))
    middle = centreness(places[there], own[there][:, :4])
    off = functional.binary_cross_entropy_with_logits(nearness[there].squeeze(1), middle, reduction="none")
    lost = lost.index_add(0, there[0], off)
    mean: Tensor = lost / responsible.sum(dim=1).clamp(min=1)
    return mean


def read(outputs: Tensor) -> tuple[Tensor, Tensor]:
    """See `finetrail.targets.boxes.detectors.detector.Detector.read`."""
    sizes = [outputs.shape[1] - AROUND, 1, 4, 3, 2]
    logits, nearness, distances, places, _ = torch.split(outputs, sizes, dim=1)
    return on_canvas(boxes_at(places, distances), outputs), (logits.sigmoid() * nearness.sigmoid()).sqrt()


def state(head: nn.Module) -> dict[str, Tensor]:
    """See `finetrail.targets.boxes.detectors.detector.Detector.state`."""
    return named(head, {"fpn": "backbone.fpn", "head": "head"})


def places_of(pyramid: Pyramid) -> Tensor:
    """The middle of each place, and its stride (A, 3)."""
    found = []
    for height, width, stride in levels_of(pyramid):
        y, x = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
        middle = (torch.stack([x, y], dim=2).reshape(-1, 2) + 0.5) * stride
        found.append(torch.cat([middle, torch.full((len(middle), 1), float(stride))], dim=1))
    return torch.cat(found)


def boxes_at(places: Tensor, distances: Tensor) -> Tensor:
    """Xyxy (n, 4). Args: places: x, y and stride (n, 3); distances: to the four edges (n, 4)."""
    return torch.cat([places[:, :2] - distances[:, :2], places[:, :2] + distances[:, 2:]], dim=1)


def centreness(places: Tensor, boxes: Tensor) -> Tensor:
    """How near places lie to the middle of their boxes (n,): 1 there, 0 at an edge."""
    low, high = places[:, :2] - boxes[:, :2], boxes[:, 2:] - places[:, :2]
    shares = torch.minimum(low, high) / torch.maximum(low, high)
    return shares.prod(dim=1).sqrt()


def assigned(places: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
    """The object that each place is responsible for (B, A), and whether there is one (B, A).

    A place is responsible for the smallest object that it lies in, near whose middle it is, and whose size suits its
    map.

    Args:
        places: x, y and stride (A, 3).
        targets: as in `image_losses`.
    """
    boxes, stride = targets[:, None, :, :4], places[:, 2]
    at = places[None, :, None, :2]
    edges = torch.cat([at - boxes[..., :2], boxes[..., 2:] - at], dim=3)  # (B, A, M, 4)
    off = (at - (boxes[..., :2] + boxes[..., 2:]) / 2).abs().amax(dim=3)
    low = torch.where(stride == stride[0], 0.0, REACH[0] * stride)
    high = torch.where(stride == stride[-1], torch.inf, REACH[1] * stride)
    farthest = edges.amax(dim=3)
    fits = (off < RADIUS * stride[:, None]) & (edges.amin(dim=3) > 0)
    fits &= (farthest > low[:, None]) & (farthest < high[:, None]) & (targets[:, None, :, 4] >= 0)
    areas = (targets[:, :, 2] - targets[:, :, 0]) * (targets[:, :, 3] - targets[:, :, 1])
    smallest, chosen = torch.where(fits, areas[:, None, :], torch.inf).min(dim=2)
    return chosen, smallest.isfinite()
