"""Boxes that an exported graph finds: their duplicates are gone, so that a reader has only to put them in place."""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn

from finetrail.models.told import Library, Told
from finetrail.targets.boxes.detections import Detections
from finetrail.targets.boxes.detectors.detector import Detector
from finetrail.targets.boxes.finding import likeliest


class _Found(nn.Module):
    """Maps outputs (1, A, D) to boxes on the canvas (n, 4), classes (n,) and scores (n,), the surest first."""

    def __init__(self, detector: Detector) -> None:
        super().__init__()
        self.detector = detector

    def forward(self, outputs: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        found = likeliest(self.detector, outputs[0])
        return found[:, :4], found[:, 4].long(), found[:, 5]


def told(detector: Detector, threshold: float) -> Told:
    """What a graph tells of boxes. Args: threshold: the least score of an answer."""
    code = f"""boxes = (boxes.reshape(-1, 2, 2) * size / fitted).clip(0, size).reshape(-1, 4)
inside = (boxes[:, 2:] > boxes[:, :2]).all(1)
boxes, numbers, scores = boxes[inside], numbers[inside], scores[inside]
found.append(numpy.concatenate([boxes, numbers[:, None], scores[:, None]], axis=1))
for number, score, (xmin, ymin, xmax, ymax) in zip(numbers, scores, boxes.round(1).tolist()):
    if score >= {threshold!r}:
        print(path, labels[number], f"{{score:.3f}}", xmin, ymin, xmax, ymax)
"""
    library = Library(detector.state, detector.OPTIONS, detector.FIRST)
    return Told(_Found(detector), ("boxes", "numbers", "scores"), code, _apart, _kept, library)


def _apart(ours: Sequence[Tensor], theirs: Sequence[Tensor]) -> float:
    """Of two results of the graph, whatever the order of boxes with nearly the same score. NaN stays NaN."""
    if not all(bool(one.isfinite().all()) for one in (*ours, *theirs)):
        return float("nan")
    return _found(*ours).apart(_found(*theirs))


def _found(boxes: Tensor, numbers: Tensor, scores: Tensor) -> Detections:
    """Without what fills them up. The furthest corner stands for the size of the canvas."""
    there = scores > 0
    width, height = boxes.max(dim=0).values[2:].ceil().int().tolist()
    return Detections(boxes[there].numpy(), numbers[there].numpy(), scores[there].numpy(), (width, height))


def _kept(found: Iterable[NDArray[np.float64]], inputs: Any) -> Sequence[NDArray[np.float32]]:
    """Boxes of each image (n, 6 or more) as `BoxLearning.keep` has them: on the canvas, behind a row for the loss."""
    kept = []
    for row, one in enumerate(found):
        sure = one[one[:, 5] > 0]
        sure[:, :4] = inputs.placements.onto(row, sure[:, :4])
        kept.append(np.concatenate([np.zeros((1, sure.shape[1])), sure]).astype(np.float32))
    return kept
