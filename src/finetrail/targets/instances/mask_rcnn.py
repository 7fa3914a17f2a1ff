"""Mask R-CNN (He et al. 2017): Faster R-CNN, and a mask inside of each box that it found.

A mask says of each part of its box how likely it belongs to the object, whatever the class: the boxes are alike for
all classes too. Where torchvision learns from proposals, masks are learnt here in the boxes that are the answers, so
that the network is the same in training and after it, and loss and masks are functions of the outputs alone.
"""

from math import ceil
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional
from torchvision.models.detection.mask_rcnn import MaskRCNNHeads, MaskRCNNPredictor
from torchvision.models.detection.roi_heads import maskrcnn_loss
from torchvision.ops import MultiScaleRoIAlign

from finetrail.models.pyramid import Pyramid
from finetrail.targets.boxes.detections import MOST
from finetrail.targets.boxes.detectors import faster_rcnn
from finetrail.targets.boxes.detectors.anchors import matched
from finetrail.targets.boxes.finding import likeliest

SIDE = 28
"""Parts of a mask across and down its box."""
BOX = 6
"""What a found box is: xyxy on the canvas, class and score."""
FOUND = BOX + SIDE**2
WHOLE = "MaskRCNN"
"""The class of torchvision that a head may go on from."""
_POOLED = SIDE // 2


class Outputs(NamedTuple):
    """The parts of outputs. Attributes: boxes: of both stages (..., A, D); found: (..., MOST, BOX); masks: logits."""

    boxes: Tensor
    found: Tensor
    masks: Tensor

    @staticmethod
    def of(outputs: Tensor) -> "Outputs":
        """Args: outputs: (..., A + R, D), of one image or of some."""
        behind = ceil(MOST * FOUND / outputs.shape[-1])
        numbers = torch.unflatten(outputs[..., -behind:, :].flatten(-2)[..., : MOST * FOUND], -1, (MOST, FOUND))
        masks = torch.unflatten(numbers[..., BOX:], -1, (SIDE, SIDE))
        return Outputs(outputs[..., :-behind, :], numbers[..., :BOX], masks)

    def joined(self) -> Tensor:
        """Outputs (B, A + R, D): boxes and masks behind both stages, in as many rows as they fill."""
        wide = self.boxes.shape[-1]
        numbers = torch.cat([self.found, self.masks.flatten(-2)], dim=-1).flatten(-2)
        rows = functional.pad(numbers, (0, -numbers.shape[-1] % wide))
        return torch.cat([self.boxes, torch.unflatten(rows, -1, (-1, wide))], dim=-2)


class Head(faster_rcnn.Head):
    """Maps a pyramid as features (B, D) to outputs; see `Outputs`. Args: tower: also convolutions of the masks.

    It goes on from `pyramid.above`, a Mask R-CNN of torchvision, but for new layers of the classes and their masks.
    """

    def __init__(self, pyramid: Pyramid, classes: int, width: int, tower: int) -> None:
        super().__init__(pyramid, classes, width, tower)
        self.mask_pool = MultiScaleRoIAlign(self.pool.featmap_names, _POOLED, 2)
        above: Any = pyramid.above
        if above is None:
            self.layers: nn.Module = MaskRCNNHeads(width, [width] * tower, 1)
            self.mask: nn.Module = MaskRCNNPredictor(width, width, 1)
        else:
            self.layers, self.mask = above.roi_heads.mask_head, above.roi_heads.mask_predictor
            self.mask.mask_fcn_logits = nn.Conv2d(above.roi_heads.mask_predictor.mask_fcn_logits.in_channels, 1, 1)

    def forward(self, features: Tensor) -> Tensor:
        maps = self.maps(features)
        boxes = self.stages(maps)
        found = torch.stack([likeliest(faster_rcnn, one) for one in boxes.detach().float()])
        return Outputs(boxes, found, self._masks(maps, found)).joined()

    def _masks(self, maps: list[Tensor], found: Tensor) -> Tensor:
        """The logits of the masks of boxes (B, MOST, SIDE, SIDE). Args: found: (B, MOST, BOX)."""
        if torch.compiler.is_exporting():  # a graph has shapes that do not depend on what was found
            return torch.unflatten(self._drawn(maps, list(found[:, :, :4])), 0, found.shape[:2])
        there = found[:, :, BOX - 1] > 0
        logits = self._drawn(maps, [one[real, :4] for one, real in zip(found, there, strict=True)])
        masks = logits.new_zeros(*there.shape, SIDE, SIDE)
        masks[there] = logits
        return masks

    def _drawn(self, maps: list[Tensor], boxes: list[Tensor]) -> Tensor:
        """The logits of boxes (n, SIDE, SIDE), those of all images after each other."""
        found: Tensor = self.mask(self.layers(self.pooled(self.mask_pool, maps, boxes))).squeeze(1)
        return found


def image_losses(outputs: Tensor, targets: Tensor, masks: Tensor) -> Tensor:
    """The loss of each image (B,): that of Faster R-CNN, and the binary cross-entropy of the masks.

    Args:
        outputs: (B, A, D).
        targets: as `finetrail.targets.boxes.detectors.detector.Detector.image_losses` has them (B, M, 5).
        masks: of the same objects, on the canvas (B, M, S, S).
    """
    read = Outputs.of(outputs)
    drawn = torch.stack([_drawn(*one) for one in zip(read.found, read.masks, targets, masks, strict=True)])
    return faster_rcnn.image_losses(read.boxes, targets) + drawn


def found_in(outputs: Tensor) -> Tensor:
    """The boxes of an image, the surest first, each with how likely its parts belong to it (n, FOUND).

    Args:
        outputs: of one image (A, D); where one is NaN or infinite, so is the one box that is returned.
    """
    read = Outputs.of(outputs.float())
    if not outputs.isfinite().all():
        return torch.full((1, FOUND), torch.nan)
    found = torch.cat([read.found, read.masks.sigmoid().flatten(1)], dim=1)
    return found[read.found[:, BOX - 1] > 0]


def _drawn(found: Tensor, logits: Tensor, target: Tensor, masks: Tensor) -> Tensor:
    """The loss of the masks of an image: the mean over the boxes that have an object."""
    numbers, objects = matched(faster_rcnn.SECOND, found[:, :4], target)
    there = numbers >= 0
    if not there.any():
        return logits.sum() * 0
    boxes = found[there, :4] - 0.5  # torchvision counts from the middle of a pixel, and boxes from its edge
    own = masks[: len(objects)].float()
    one_class = numbers.new_zeros(len(objects))
    lost: Tensor = maskrcnn_loss(logits[there][:, None], [boxes], [own], [one_class], [numbers[there]])
    return lost
