"""The boxes that outputs mean: the likeliest of each image, without those that others of their class overlap."""

import torch
from torch import Tensor
from torchvision.ops import batched_nms

from finetrail.targets.boxes.detections import CANDIDATES, LEAST, MOST
from finetrail.targets.boxes.detectors.detector import Detector


def found_in(detector: Detector, outputs: Tensor) -> Tensor:
    """The boxes of an image, the surest first: xyxy on the canvas, class and score (n, 6).

    Args:
        outputs: of one image (A, D); where one is NaN or infinite, so is the one box that is returned.
    """
    outputs = outputs.float()
    if not outputs.isfinite().all():
        return torch.full((1, 6), torch.nan)
    found = likeliest(detector, outputs)
    return found[found[:, 5] > 0]


def likeliest(detector: Detector, outputs: Tensor) -> Tensor:
    """The same, filled up with zeros (MOST, 6): exports need a shape that is known before."""
    boxes, scores = detector.read(outputs)  # (A, 4), (A, K)
    of_each, best = scores.flatten().topk(min(CANDIDATES, scores.numel()))
    place, number = best // scores.shape[1], best % scores.shape[1]
    kept = batched_nms(boxes[place], of_each, number, detector.OVERLAP)
    filled = torch.cat([kept, kept.new_zeros(MOST)])[:MOST]
    found = torch.cat([boxes[place], number[:, None].float(), of_each[:, None]], dim=1)[filled]
    there = (torch.arange(MOST, device=found.device) < kept.shape[0]) & (found[:, 5] > LEAST)
    return torch.where(there[:, None], found, 0.0)
