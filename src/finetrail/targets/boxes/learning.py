"""What a model learns of boxes: where on its canvas they lie. Targets follow the image wherever it is placed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from finetrail.errors import ModelError
from finetrail.evaluation.scores.bootstrap import point_scores
from finetrail.evaluation.scores.metric import Point
from finetrail.models.inputs import Changes
from finetrail.models.network import Batch, Network
from finetrail.models.placements import Collage, Placements
from finetrail.models.told import Told
from finetrail.targets.boxes.codec import BoxCodec
from finetrail.targets.boxes.detections import BoxAnswers, Detections
from finetrail.targets.boxes.detectors.detector import DETECTORS, Detector
from finetrail.targets.boxes.finding import found_in
from finetrail.targets.boxes.reading import Annotation, Box, boxes_of
from finetrail.targets.boxes.settings import BoxTraining
from finetrail.targets.boxes.threshold import fit_threshold
from finetrail.targets.boxes.told import told
from finetrail.targets.learning import Explained, Loss

if TYPE_CHECKING:
    from finetrail.targets.learning import Kept

Labels = Sequence[Sequence[Mapping[str, Any]]]
BACKGROUND = 1 / 9
"""Objects that an image without any counts as: up to nine places learn an object, and here the sum is of one."""
VISIBLE = 0.3
"""The share of a box that has to be on the canvas for the object to be learnt."""


@dataclass(frozen=True)
class BoxTargets:
    """The objects of each example, without crowds.

    Attributes:
        boxes: xyxy in pixels of the upright image (m, 4).
        classes: their numbers (m,).
        placements: of the images without augmentation.
    """

    boxes: Sequence[NDArray[np.float64]]
    classes: Sequence[NDArray[np.int64]]
    placements: Placements

    def __len__(self) -> int:
        return len(self.boxes)

    def batch(self, indices: Sequence[int], changes: Changes) -> Batch:
        """`targets` (B, M, 5): xyxy on the canvas and class; class -1 for none."""
        if changes.collage is not None:
            found = self._collected(indices, changes.collage)
        else:
            placed = changes.placements or self.placements
            rows = range(len(indices)) if changes.placements else indices
            seen = np.array([0, 0, *placed.canvas])
            found = [self._placed(index, placed, row, seen) for index, row in zip(indices, rows, strict=True)]
        targets = torch.full((len(found), max(1, *map(len, found)), 5), -1.0)
        for of_image, one in zip(targets, found, strict=True):
            of_image[: len(one)] = torch.from_numpy(one)
        return {"targets": targets}

    def _collected(self, indices: Sequence[int], collage: Collage) -> list[NDArray[np.float64]]:
        """The objects on each canvas (m, 5)."""
        found: list[list[NDArray[np.float64]]] = [[] for _ in indices]
        for row, (image, canvas) in enumerate(zip(collage.image, collage.canvas, strict=True)):
            found[canvas].append(self._placed(indices[image], collage.placements, row, collage.seen[row]))
        return [np.concatenate(parts) for parts in found]

    def _placed(self, index: int, placed: Placements, row: int, seen: NDArray[np.int64]) -> NDArray[np.float64]:
        """The objects of an image that can be seen on its canvas (m, 5). Args: seen: the part that shows it, xyxy."""
        whole = placed.onto(row, self.boxes[index])
        shown = np.clip(whole, np.tile(seen[:2], 2), np.tile(seen[2:], 2))
        sides, own = (one[:, 2:] - one[:, :2] for one in (shown, whole))
        kept = (sides.prod(axis=1) >= VISIBLE * own.prod(axis=1)) & (sides.min(axis=1) >= 1)
        objects: NDArray[np.float64] = np.concatenate([shown, self.classes[index][:, None]], axis=1)[kept]
        return objects


@dataclass(frozen=True)
class BoxLearning:
    """See `finetrail.targets.learning.Learning`."""

    codec: BoxCodec

    @property
    def detector(self) -> Detector:
        """What the head is, and how its outputs are read."""
        return DETECTORS[self.codec.detector]

    @property
    def by_objects(self) -> bool:
        """Whether images weigh by their objects."""
        return self.detector.BY_OBJECTS

    def head(self, width: Any) -> nn.Module:
        """A head for these classes.

        Args:
            width: the `Pyramid` of the backbone.

        Raises:
            ModelError: the backbone is a whole detector of another kind.
        """
        above = width.above
        kind = type(above).__name__
        if above is not None and kind not in self.detector.WHOLE:
            own = next((name for name, one in DETECTORS.items() if kind in one.WHOLE), None)
            remedy = f"train.detector to {own}" if own else "backbone.name to fasterrcnn_resnet50_fpn_v2"
            raise ModelError(f"the backbone is a whole {kind}; set {remedy}")
        return self.detector.Head(width, len(self.codec.classes), self.codec.pyramid_width, self.codec.tower)

    def encode(self, labels: Labels, inputs: Any) -> BoxTargets:
        number = {name: place for place, name in enumerate(self.codec.classes)}
        boxes, classes = [], []
        for row in inputs.rows:
            objects = [box for box in boxes_of(labels[row]) if not box.crowd and box.label in number]
            boxes.append(np.array([box[1:5] for box in objects], dtype=np.float64).reshape(-1, 4))
            classes.append(np.array([number[box.label] for box in objects], dtype=np.int64))
        return BoxTargets(boxes, classes, inputs.placements)

    def loss(self, settings: BoxTraining, labels: Labels, *, finished: bool = False) -> Loss:
        """See `finetrail.targets.learning.Learning.loss`.

        Where the paper divides the sum over a batch by all objects in it, images weigh by their objects. What weighs an
        image here depends on no other image of its batch: its objects, over the mean of the training images.
        """
        if not self.by_objects:
            return lambda outputs, batch: self.image_losses(outputs, batch).mean()
        usual = max(float(np.mean([len(boxes) for boxes in labels])), BACKGROUND)

        def weighed(outputs: Tensor, batch: Batch) -> Tensor:
            objects = (batch["targets"][:, :, 4] >= 0).sum(dim=1).clamp(min=BACKGROUND)
            return (self.image_losses(outputs, batch) * objects / usual).mean()

        return weighed

    def image_losses(self, outputs: Tensor, batch: Batch) -> Tensor:
        """The loss of each image (B,)."""
        return self.detector.image_losses(outputs, batch["targets"])

    def found(self, outputs: Tensor) -> Tensor:
        """What was found in an image (n, 6 or more); see `found_in`."""
        return found_in(self.detector, outputs)

    def learnt(self, batch: Batch) -> list[Annotation]:
        """See `finetrail.targets.learning.Showing`."""
        return [
            Annotation.of(Box(self.codec.classes[int(one[4])], *one[:4]) for one in of_image if one[4] >= 0)
            for of_image in batch["targets"].tolist()
        ]

    def keep(self, outputs: Tensor, batch: Batch) -> "Kept":
        """What was found in each image (1 + n, 6), behind a row with its loss, where the batch has its targets."""
        losses = outputs.new_zeros(len(outputs))
        if "targets" in batch:
            losses = self.image_losses(outputs.float(), batch)
        kept = []
        for one, loss in zip(outputs, losses.tolist(), strict=True):
            found = self.found(one).cpu()
            kept.append(functional.pad(found, (0, 0, 1, 0)).numpy())
            kept[-1][0, 0] = loss
        return kept

    def answers(self, kept: Any, inputs: Any) -> BoxAnswers:
        placed: Placements = inputs.placements
        return self.codec.answered([in_image(one[1:], placed, row)[0] for row, one in enumerate(kept)])

    def explained(self, label: Any, answers: BoxAnswers, inputs: Any) -> Explained | None:
        """None: an image has many outputs, and no one of them explains a mistake."""
        return None

    def score(self, kept: Any, inputs: Any, labels: Labels, *, finished: bool = False) -> Point:
        loss = float(np.mean([float(one[0, 0]) for one in kept]))
        return {"loss": loss, **point_scores(self.codec.judge, labels, self.answers(kept, inputs))}

    def finish(self, model: Network) -> None:
        """Nothing to do: the model answers as it was trained."""

    def told(self) -> Told:
        """See `finetrail.targets.learning.Telling`."""
        return told(self.detector, self.codec.threshold)

    def fitted(self, kept: Any, inputs: Any, labels: Labels) -> "BoxLearning":
        """The validation images show how sure a box has to be to be an answer."""
        judge = self.codec.judge
        facts = judge.decisive(judge.facts(labels, self.answers(kept, inputs)))
        return type(self)(replace(self.codec, threshold=fit_threshold(facts)))


def in_image(found: NDArray[np.float32], placed: Placements, row: int) -> tuple[Detections, NDArray[np.bool_]]:
    """Boxes on the canvas (n, 6) as boxes of the image, and which are some (n,): those that lie beside it are none."""
    boxes = placed.back(row, found[:, :4].astype(np.float64)).astype(np.float32)
    inside = ~((boxes[:, 2:] - boxes[:, :2]).min(axis=1, initial=np.inf) <= 0)  # NaN stays, to be found
    classes = np.nan_to_num(found[inside, 4]).astype(np.int64)
    width, height = placed.sizes[row].tolist()
    return Detections(boxes[inside], classes, found[inside, 5], (width, height)), inside
