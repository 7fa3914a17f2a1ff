"""Masks of objects that an exported graph draws, each in its box: a reader has only to put them in place."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn

from finetrail.models.told import Told
from finetrail.targets.boxes.detectors import faster_rcnn
from finetrail.targets.boxes.told import told as told_of_boxes
from finetrail.targets.instances.mask_rcnn import BOX, SIDE, Outputs


class _Found(nn.Module):
    """Maps outputs (1, A, D) to boxes on the canvas (n, 4), classes (n,), scores (n,) and masks (n, SIDE, SIDE)."""

    def forward(self, outputs: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        read = Outputs.of(outputs[0])
        return read.found[:, :4], read.found[:, 4].long(), read.found[:, BOX - 1], read.masks.sigmoid()


def told(threshold: float) -> Told:
    """What a graph tells of masks of objects. Args: threshold: the least score of an answer."""
    code = f"""boxes = boxes.reshape(-1, 2, 2) * size / fitted
parts = boxes.reshape(-1, 4), numbers[:, None], scores[:, None], masks.reshape(-1, {SIDE**2})
found.append(numpy.concatenate(parts, axis=1))
for number, score, box, mask in zip(numbers, scores, boxes, masks):
    if score >= {threshold!r}:
        weights = []
        for side, low, high in zip(size, *box):
            middles = (numpy.arange(side) + 0.5 - low) / (high - low) * {SIDE} - 0.5
            weights.append((1 - abs(middles[:, None] - numpy.arange({SIDE}))).clip(0))
        pixels = weights[1] @ mask @ weights[0].T > 0.5  # of this object, (height, width)
        corners = box.clip(0, size).round(1).reshape(-1).tolist()
        print(path, labels[number], f"{{score:.3f}}", *corners, pixels.sum())
"""
    boxes = told_of_boxes(faster_rcnn, threshold)

    def apart(ours: Sequence[Tensor], theirs: Sequence[Tensor]) -> float:
        both = boxes.apart(ours[:3], theirs[:3]), _drawn_apart(ours, theirs)
        return float(np.max(both))  # NaN stays NaN

    return Told(_Found(), ("boxes", "numbers", "scores", "masks"), code, apart, boxes.kept)


def _drawn_apart(ours: Sequence[Tensor], theirs: Sequence[Tensor]) -> float:
    """The largest difference of a part of a mask from that of the nearest box."""
    there, others = (one[2] > 0 for one in (ours, theirs))
    if not (there.any() and others.any()):
        return 0.0
    nearest = torch.cdist(ours[0][there], theirs[0][others]).argmin(dim=1)
    return float((ours[3][there] - theirs[3][others][nearest]).abs().max())
