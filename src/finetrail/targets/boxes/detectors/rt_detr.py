"""RT-DETR (Zhao et al. 2024), by transformers: every layer of its decoder says the boxes again, the first those of the
encoder; all learn, and the last answers. Its training with boxes that noise moved is left out: nothing is drawn.
"""

import math
from typing import Any

import torch
from torch import Tensor, nn

from finetrail.models.pyramid import Pyramid
from finetrail.targets.boxes.detectors import queries
from finetrail.targets.boxes.detectors.detr import OPTIONS, state
from finetrail.targets.boxes.detectors.queries import AROUND, BY_OBJECTS, FIRST, OVERLAP, QueriesHead

__all__ = ["BY_OBJECTS", "FIRST", "OPTIONS", "OVERLAP", "WHOLE", "Head", "image_losses", "read", "state"]

WHOLE = ("RTDetrForObjectDetection",)
_LIKELY = 0.01
"""How likely a new class layer finds each class of a query."""


class Head(QueriesHead):
    """Maps features (B, F) to outputs (B, layers * Q, K + 7): of the last layer first, of the encoder last."""

    def __init__(self, pyramid: Pyramid, classes: int, width: int, tower: int) -> None:
        super().__init__(pyramid, _class_layers, classes)
        self.above.config.num_labels = classes
        for place in _class_layers(self.above):
            nn.init.constant_(self.above.get_submodule(place).bias, -math.log(1 / _LIKELY - 1))

    def forward(self, features: Tensor) -> Tensor:
        found = self.above(pixel_values=features[:, None, None, :])
        logits, boxes = found.intermediate_logits.flip(1), found.intermediate_reference_points.flip(1)
        layers = [self.said(logits[:, layer], boxes[:, layer], layer) for layer in range(logits.shape[1])]
        return torch.cat([*layers, self.said(found.enc_topk_logits, found.enc_topk_bboxes, len(layers))], dim=1)


def image_losses(outputs: Tensor, targets: Tensor) -> Tensor:
    """The loss of each image (B,): varifocal loss of the classes, L1 and GIoU of the boxes; that of transformers.

    See `finetrail.targets.boxes.detectors.detector.Detector.image_losses`.
    """
    from transformers import RTDetrConfig
    from transformers.loss.loss_rt_detr import RTDetrLoss

    criterion = RTDetrLoss(RTDetrConfig(num_labels=outputs.shape[2] - AROUND)).to(outputs.device)
    return queries.image_losses(criterion, criterion.weight_dict, outputs, targets)


def read(outputs: Tensor) -> tuple[Tensor, Tensor]:
    """See `finetrail.targets.boxes.detectors.detector.Detector.read`. The last layer answers."""
    logits, _, layers = queries.parts(outputs)
    return queries.on_canvas(outputs), logits.sigmoid() * (layers == 0)[:, None]


def _class_layers(model: Any) -> list[str]:
    decoder = [f"model.decoder.class_embed.{layer}" for layer in range(len(model.model.decoder.class_embed))]
    return [*decoder, "model.enc_score_head"]
