"""The boxes that a model found in images."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from finetrail.models.placements import Placements

MOST = 100
"""The most boxes that are kept of an image, as COCO counts."""
LEAST = 0.05
"""The least score of a box that is kept."""
CANDIDATES = 1000
"""The most boxes of an image that are compared with each other."""
Singles = NDArray[np.float32]


@dataclass(frozen=True)
class Detections:
    """The boxes found in an image, the surest first.

    Attributes:
        boxes: xyxy in pixels of the upright image (n, 4).
        classes: their numbers (n,).
        scores: 0..1 (n,).
        size: width and height of the upright image.
        masks: the pixels of each, as COCO's compressed run lengths (n,); None where a detector draws no masks.
    """

    boxes: Singles
    classes: NDArray[np.int64]
    scores: Singles
    size: tuple[int, int]
    masks: NDArray[np.object_] | None = None

    def __len__(self) -> int:
        return len(self.scores)

    @staticmethod
    def none(size: tuple[int, int] = (1, 1)) -> "Detections":
        """An image in which nothing was found."""
        return Detections(np.zeros((0, 4), np.float32), np.zeros(0, np.int64), np.zeros(0, np.float32), size)

    def where(self, chosen: Sequence[int] | slice | NDArray[np.generic]) -> "Detections":
        """Some of the boxes."""
        masks = None if self.masks is None else self.masks[chosen]
        return Detections(self.boxes[chosen], self.classes[chosen], self.scores[chosen], self.size, masks)

    def joined(self, other: "Detections") -> "Detections":
        """These boxes and others of the same image, the surest first."""
        made = Detections(
            np.concatenate([self.boxes, other.boxes]),
            np.concatenate([self.classes, other.classes]),
            np.concatenate([self.scores, other.scores]),
            self.size,
            None if self.masks is None or other.masks is None else np.concatenate([self.masks, other.masks]),
        )
        return made.where(np.argsort(-made.scores, kind="stable")[:MOST])

    def back(self, placed: Placements) -> "Detections":
        """The same boxes in the image that lies on this one."""
        boxes = placed.back(0, self.boxes.astype(np.float64)).astype(np.float32)
        width, height = placed.sizes[0].tolist()
        return Detections(boxes, self.classes, self.scores, (width, height))

    def apart(self, other: "Detections") -> float:
        """How far apart two lists lie, each box compared with the nearest of its class in the other list.

        A box that only one list has lies apart by its score over the least that is kept: it may have fallen below.

        Returns:
            The largest difference of a score, or of a corner as a share of the longer side of the image.
        """
        most = 0.0
        for mine, yours in ((self, other), (other, self)):
            side = max(1, *mine.size)
            floor = float(yours.scores[-1]) if len(yours) == MOST else LEAST
            for box, number, score in zip(mine.boxes, mine.classes, mine.scores, strict=True):
                same = yours.classes == number
                moved = np.abs(yours.boxes[same] - box).max(axis=1, initial=0.0) / side
                nearest = np.maximum(moved, np.abs(yours.scores[same] - score)).min(initial=np.inf)
                most = max(most, min(float(nearest), max(0.0, float(score) - floor)))
        return most


@dataclass(frozen=True)
class BoxAnswers:
    """Answers to n images.

    Attributes:
        found: of each, also boxes that are too unsure to be answers: average precision counts them.
        given: how many of each are answers (n,).
    """

    found: Sequence[Detections]
    given: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.found)

    def __getitem__(self, mask: NDArray[np.bool_]) -> "BoxAnswers":
        return BoxAnswers([self.found[row] for row in np.flatnonzero(mask).tolist()], self.given[mask])

    @property
    def answers(self) -> list[Detections]:
        """The boxes of each image that are answers."""
        return [one.where(slice(0, count)) for one, count in zip(self.found, self.given.tolist(), strict=True)]
