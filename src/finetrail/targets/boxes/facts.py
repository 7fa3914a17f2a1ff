"""What the metrics need to know of an image, as a row of numbers of a fixed length.

First, for each class and at the end for classes that the model does not know, how many objects of each range of areas
there are to find. Then four numbers for each of `MOST` boxes: its score, its class (-1 for none), whether it is a hit
and whether it is ignored, each a bit for every range of areas and overlap; the last number has one more bit, for boxes
that are answers.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from finetrail.targets.boxes.detections import MOST, BoxAnswers, Detections
from finetrail.targets.boxes.matching import OVERLAPS, Objects, match, objects_of
from finetrail.targets.boxes.sizes import AREAS

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
_BITS = len(AREAS) * len(OVERLAPS)
_POWERS = 2 ** np.arange(_BITS, dtype=np.int64)
_GIVEN = 2**_BITS


def facts_of(labels: Sequence[Sequence[Mapping[str, Any]]], answers: BoxAnswers, classes: Sequence[str]) -> Floats:
    """The facts of each image (n, S)."""
    objects = (len(classes) + 1) * len(AREAS)
    found = np.zeros((len(labels), objects + 4 * MOST))
    rows = zip(found, labels, answers.found, answers.given.tolist(), strict=True)
    for row, label, one, given in rows:
        boxes = row[objects:].reshape(MOST, 4)  # a view
        boxes[:, 1] = -1
        row[:objects] = _filled(boxes, objects_of(label, classes), one, given).reshape(-1)
    return found


def _filled(boxes: Floats, objects: Sequence[Objects], found: Detections, given: int) -> Ints:
    """Write the four numbers of each box (MOST, 4); returns how many objects there are to find (K + 1, A)."""
    counts = []
    for number, of_class in enumerate(objects):
        places = np.flatnonzero(found.classes == number)
        matched = match(found.where(places), of_class)
        counts.append(matched.objects)
        boxes[places, 0] = found.scores[places]
        boxes[places, 1] = number
        boxes[places, 2] = _packed(matched.hit)
        boxes[places, 3] = _packed(matched.ignored) + _GIVEN * (places < given)
    return np.stack(counts)


def _packed(masks: NDArray[np.bool_]) -> Ints:
    """(n,), from masks (A, T, n)."""
    packed: Ints = _POWERS @ masks.reshape(_BITS, -1)
    return packed


@dataclass(frozen=True)
class Facts:
    """The facts of some images, read.

    Attributes:
        objects: to find, by image, class and range of areas (D, K + 1, A).
        image, classes, scores, given: of each box of all images (N,), the surest first; of equal ones in their order.
    """

    objects: Ints
    image: Ints
    classes: Ints
    scores: Floats
    given: NDArray[np.bool_]
    _hit: Ints
    _ignored: Ints

    @staticmethod
    def read(facts: Floats) -> "Facts":
        """Args: facts: (D, S)."""
        size = facts.shape[1] - 4 * MOST
        boxes = facts[:, size:].reshape(-1, 4)
        image = np.repeat(np.arange(len(facts)), MOST)
        kept = np.flatnonzero(boxes[:, 1] >= 0)
        kept = kept[np.argsort(-boxes[kept, 0], kind="stable")]
        boxes = boxes[kept]
        ignored = boxes[:, 3].astype(np.int64)
        return Facts(
            objects=facts[:, :size].reshape(len(facts), -1, len(AREAS)).astype(np.int64),
            image=image[kept],
            classes=boxes[:, 1].astype(np.int64),
            scores=boxes[:, 0],
            given=ignored >= _GIVEN,
            _hit=boxes[:, 2].astype(np.int64),
            _ignored=ignored % _GIVEN,
        )

    def masks(self, area: int, overlap: int) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """Whether each box is a hit, and whether it is ignored (N,). Args: places in `AREAS` and `OVERLAPS`."""
        bit = _POWERS[area * len(OVERLAPS) + overlap]
        return (self._hit & bit) > 0, (self._ignored & bit) > 0
