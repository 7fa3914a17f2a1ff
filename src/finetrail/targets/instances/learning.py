"""What a model learns of the masks of objects: where on its canvas they lie, and which pixels there are theirs."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from finetrail.errors import ModelError
from finetrail.models.inputs import Changes
from finetrail.models.network import Batch
from finetrail.models.placements import Placements
from finetrail.models.told import Told
from finetrail.targets.boxes.detections import BoxAnswers, Detections
from finetrail.targets.boxes.learning import BoxLearning, BoxTargets, in_image
from finetrail.targets.instances import mask_rcnn
from finetrail.targets.instances.codec import InstanceCodec
from finetrail.targets.instances.pasting import pasted
from finetrail.targets.instances.told import told
from finetrail.targets.masks.label import Region
from finetrail.targets.masks.raster import counts_of, pixels_of
from finetrail.targets.masks.reading import Mask


@dataclass(frozen=True)
class InstanceTargets:
    """The objects of each example, without crowds.

    Attributes:
        around: their boxes; in place of its class, each has its number in the image.
        classes: by this number (m,).
        masks: the same, as run lengths, which take less room than pixels.
    """

    around: BoxTargets
    classes: Sequence[NDArray[np.int64]]
    masks: Sequence[Sequence[str]]

    def __len__(self) -> int:
        return len(self.around)

    def batch(self, indices: Sequence[int], changes: Changes) -> Batch:
        """`targets` as of boxes, and `targets_masks` (B, M, S, S), bool: the pixels of each object on the canvas."""
        targets = self.around.batch(indices, changes)["targets"]
        placed = changes.placements or self.around.placements
        rows = range(len(indices)) if changes.placements else indices
        masks = torch.zeros((*targets.shape[:2], *placed.canvas[::-1]), dtype=torch.bool)
        for at, (index, row) in enumerate(zip(indices, rows, strict=True)):
            width, height = placed.sizes[row].tolist()
            for place, number in enumerate(targets[at, :, 4].int().tolist()):
                if number >= 0:
                    pixels = pixels_of(self.masks[index][number], width, height).astype(np.uint8)
                    masks[at, place] = torch.from_numpy(placed.pixels_onto(row, pixels, 0))
                    targets[at, place, 4] = float(self.classes[index][number])
        return {"targets": targets, "targets_masks": masks}


@dataclass(frozen=True)
class InstanceLearning(BoxLearning):
    """See `finetrail.targets.learning.Learning`."""

    codec: InstanceCodec
    by_objects = False

    def head(self, width: Any) -> nn.Module:
        """A head for these classes.

        Args:
            width: the `Pyramid` of the backbone.

        Raises:
            ModelError: the backbone is a whole detector that draws no masks.
        """
        kind = type(width.above).__name__
        if width.above is not None and kind != mask_rcnn.WHOLE:
            raise ModelError(
                f"the backbone is a whole {kind}, which draws no masks; set backbone.name to maskrcnn_resnet50_fpn_v2"
            )
        return mask_rcnn.Head(width, len(self.codec.classes), self.codec.pyramid_width, self.codec.tower)

    def encode(self, labels: Sequence[Any], inputs: Any) -> Any:
        """Returns: `InstanceTargets`."""
        objects = [
            [one for one in self.codec.judge.objects(label) if not one["crowd"] and one["label"] in self.codec.classes]
            for label in labels
        ]
        boxes = super().encode(objects, inputs)
        numbered = replace(boxes, classes=[np.arange(len(one)) for one in boxes.classes])
        masks = [[one["counts"] for one in objects[row]] for row in inputs.rows]
        return InstanceTargets(numbered, boxes.classes, masks)

    def image_losses(self, outputs: Tensor, batch: Batch) -> Tensor:
        return mask_rcnn.image_losses(outputs, batch["targets"], batch["targets_masks"])

    def learnt(self, batch: Batch) -> list[Any]:
        """See `finetrail.targets.learning.Showing`."""
        found = []
        for boxes, masks in zip(batch["targets"].tolist(), batch["targets_masks"].numpy(), strict=True):
            height, width = masks.shape[1:]
            real = [(int(box[4]), mask) for box, mask in zip(boxes, masks, strict=True) if box[4] >= 0]
            regions = [Region(self.codec.classes[number], counts_of(mask)) for number, mask in real]
            found.append(Mask.of(width, height, regions))
        return found

    def found(self, outputs: Tensor) -> Tensor:
        """See `mask_rcnn.found_in`."""
        return mask_rcnn.found_in(outputs)

    def told(self) -> Told:
        """See `finetrail.targets.learning.Telling`."""
        return told(self.codec.threshold)

    def answers(self, kept: Any, inputs: Any) -> BoxAnswers:
        placed: Placements = inputs.placements
        return self.codec.answered([_in_image(one[1:], placed, row) for row, one in enumerate(kept)])


def _in_image(found: NDArray[np.float32], placed: Placements, row: int) -> Detections:
    """What was found on the canvas (n, FOUND) as boxes and masks of the image."""
    boxes, inside = in_image(found[:, : mask_rcnn.BOX], placed, row)
    drawn = found[inside]
    whole = (drawn[:, :4].astype(np.float64).reshape(-1, 2, 2) - placed.shift[row]) / placed.scale[row]
    masks = [
        counts_of(pasted(one[mask_rcnn.BOX :].reshape(mask_rcnn.SIDE, mask_rcnn.SIDE), box, boxes.size))
        for one, box in zip(drawn, whole.reshape(-1, 4), strict=True)
    ]
    return replace(boxes, masks=np.array(masks, dtype=np.object_))
