"""What detectors of transformers share: each of a number of queries says one object or none, and no box is left out.

An output is of one query: its logits; the middle, width and height of its box, as shares of the canvas; the layer that
said it, 0 for the last; and the width and height of the canvas.
"""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torchvision.ops import box_convert

from finetrail.errors import ModelError
from finetrail.models.pyramid import Pyramid

AROUND = 7
OVERLAP = 1.0
BY_OBJECTS = False
FIRST = 0


class QueriesHead(nn.Module):
    """Maps features (B, F) to outputs (B, A, L + 7) of A queries, by what lies above the body of a whole detector.

    Args:
        pyramid: of the backbone.
        renewed: gives the names of the class layers of the detector.
        logits: how many each has.
    """

    canvas: Tensor

    def __init__(self, pyramid: Pyramid, renewed: Callable[[nn.Module], Sequence[str]], logits: int) -> None:
        super().__init__()
        if pyramid.above is None:
            raise ModelError(
                "this train.detector belongs to whole detectors of transformers, and the backbone is none; set "
                "backbone.name to `transformers` and weights to its folder, or train.detector to fcos"
            )
        self.above: Any = pyramid.above
        for place in renewed(self.above):
            layer: Any = self.above.get_submodule(place)
            self.above.set_submodule(place, nn.Linear(layer.in_features, logits))
        self.register_buffer("canvas", torch.tensor(pyramid.canvas[::-1], dtype=torch.float32), persistent=False)

    def said(self, logits: Tensor, boxes: Tensor, layer: int) -> Tensor:
        """Outputs of one layer. Args: logits: (B, Q, L); boxes: (B, Q, 4)."""
        rest = torch.cat([self.canvas.new_full((1,), float(layer)), self.canvas]).expand(*logits.shape[:2], 3)
        return torch.cat([logits, boxes, rest], dim=2)


def parts(outputs: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Logits (A, L), boxes (A, 4) as shares, and the layers (A,) of outputs (A, L + 7)."""
    logits, boxes, layer, _ = torch.split(outputs, [outputs.shape[1] - AROUND, 4, 1, 2], dim=1)
    return logits, boxes, layer[:, 0]


def on_canvas(outputs: Tensor) -> Tensor:
    """The boxes, xyxy on the canvas (A, 4)."""
    boxes: Tensor = box_convert(parts(outputs)[1], "cxcywh", "xyxy") * outputs[:, -2:].repeat(1, 2)
    return boxes


def matched_loss(criterion: Any, weights: dict[str, float], said: tuple[Tensor, Tensor], target: Tensor) -> Tensor:
    """The loss of a layer for one image, by transformers' own parts; it depends on no other image, nor process.

    Args:
        criterion: with its matcher.
        weights: of its losses.
        said: logits (Q, L) and boxes (Q, 4).
        target: the objects of the image (m, 5), their boxes as shares.
    """
    outputs = {"logits": said[0][None], "pred_boxes": said[1][None]}
    targets = [{"class_labels": target[:, 4].long(), "boxes": target[:, :4]}]
    indices = criterion.matcher(outputs, targets)
    found: dict[str, Tensor] = {}
    for loss in criterion.losses:
        found |= criterion.get_loss(loss, outputs, targets, indices, max(1, len(target)))
    lost: Tensor = torch.stack([weight * found[name] for name, weight in weights.items()]).sum()
    return lost


def image_losses(criterion: Any, weights: dict[str, float], outputs: Tensor, targets: Tensor) -> Tensor:
    """The loss of each image (B,), summed over the layers; see `Detector.image_losses`."""
    return torch.stack([_loss(criterion, weights, *one) for one in zip(outputs, targets, strict=True)])


def _loss(criterion: Any, weights: dict[str, float], outputs: Tensor, target: Tensor) -> Tensor:
    if not outputs.isfinite().all():
        return outputs.sum() * torch.nan  # the matcher takes finite numbers alone
    logits, boxes, layers = parts(outputs)
    objects = target[target[:, 4] >= 0]
    shares = box_convert(objects[:, :4], "xyxy", "cxcywh") / outputs[0, -2:].detach().repeat(2)
    wanted = torch.cat([shares, objects[:, 4:]], dim=1)
    count = int(layers.max()) + 1
    each = zip(logits.chunk(count), boxes.chunk(count), strict=True)
    return torch.stack([matched_loss(criterion, weights, said, wanted) for said in each]).sum()
