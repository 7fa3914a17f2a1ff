"""The boxes that outputs mean: the likeliest of each image, without those that others of their class overlap."""

import torch
from torch import Tensor
from torchvision.ops import batched_nms

from finetrail.targets.boxes.detections import LEAST, MOST
from finetrail.targets.boxes.head import AROUND
from finetrail.targets.boxes.losses import boxes_at

CANDIDATES = 1000
"""The most boxes of an image that are compared with each other."""
OVERLAP = 0.6
"""The overlap from which the less sure of two boxes of a class is left out, as in FCOS."""


def found_in(outputs: Tensor) -> Tensor:
    """The boxes of an image, the surest first: xyxy on the canvas, class and score (n, 6).

    Args:
        outputs: of one image (A, K + 8); where one is NaN or infinite, so is the one box that is returned.
    """
    outputs = outputs.float()
    if not outputs.isfinite().all():
        return torch.full((1, 6), torch.nan)
    logits, nearness, distances, places = torch.split(outputs, [outputs.shape[1] - AROUND, 1, 4, 3], dim=1)
    scores = (logits.sigmoid() * nearness.sigmoid()).sqrt()  # (A, K)
    place, number = (scores > LEAST).nonzero(as_tuple=True)
    of_each = scores[place, number]
    best = of_each.argsort(descending=True, stable=True)[:CANDIDATES]
    place, number, of_each = place[best], number[best], of_each[best]
    boxes = boxes_at(places[place], distances[place])
    kept = batched_nms(boxes, of_each, number, OVERLAP)[:MOST]
    return torch.cat([boxes[kept], number[kept, None].float(), of_each[kept, None]], dim=1)
