"""DETR (Carion et al. 2020) and YOLOS (Fang et al. 2021), by transformers: a set of boxes, matched with the objects."""

from typing import Any

import torch
from torch import Tensor, nn

from finetrail.models.pyramid import Pyramid
from finetrail.targets.boxes.detections import LEAST, MOST
from finetrail.targets.boxes.detectors import queries
from finetrail.targets.boxes.detectors.queries import AROUND, BY_OBJECTS, FIRST, OVERLAP, QueriesHead

__all__ = ["BY_OBJECTS", "FIRST", "OPTIONS", "OVERLAP", "WHOLE", "Head", "image_losses", "read", "state"]

WHOLE = ("DetrForObjectDetection", "YolosForObjectDetection")
OPTIONS = {"threshold": LEAST, "most": MOST}
_EMPTY = 0.1
"""How much a query without an object counts."""
_WEIGHTS = {"loss_ce": 1.0, "loss_bbox": 5.0, "loss_giou": 2.0}


class Head(QueriesHead):
    """Maps features (B, F) to outputs (B, Q, K + 8); the logit behind those of the classes is that of no object."""

    def __init__(self, pyramid: Pyramid, classes: int, width: int, tower: int) -> None:
        super().__init__(pyramid, _class_layers, classes + 1)
        self.above.config.num_labels = classes

    def forward(self, features: Tensor) -> Tensor:
        found = self.above(pixel_values=features[:, None, None, :])
        return self.said(found.logits, found.pred_boxes, 0)


def image_losses(outputs: Tensor, targets: Tensor) -> Tensor:
    """The loss of each image (B,): cross-entropy of the classes, L1 and GIoU of the boxes; that of transformers.

    See `finetrail.targets.boxes.detectors.detector.Detector.image_losses`.
    """
    from transformers.loss.loss_for_object_detection import HungarianMatcher, ImageLoss

    matcher = HungarianMatcher(class_cost=1, bbox_cost=5, giou_cost=2)
    classes = outputs.shape[2] - AROUND - 1
    criterion = ImageLoss(matcher, classes, _EMPTY, ["labels", "boxes"]).to(outputs.device)
    return queries.image_losses(criterion, _WEIGHTS, outputs, targets)


def read(outputs: Tensor) -> tuple[Tensor, Tensor]:
    """See `finetrail.targets.boxes.detectors.detector.Detector.read`. A query names its likeliest class alone."""
    scores = queries.parts(outputs)[0].softmax(dim=1)[:, :-1]
    return queries.on_canvas(outputs), torch.where(scores == scores.amax(dim=1, keepdim=True), scores, 0.0)


def state(head: nn.Module) -> dict[str, Tensor]:
    """See `finetrail.targets.boxes.detectors.detector.Detector.state`."""
    whole: Any = head
    tensors: dict[str, Tensor] = whole.above.state_dict()
    return tensors


def _class_layers(model: Any) -> list[str]:
    """The last linear layer of its classifier, which may be several."""
    name = "class_labels_classifier"
    places = [place for place, module in model.named_modules() if isinstance(module, nn.Linear)]
    return [[place for place in places if place.startswith(name)][-1]]
