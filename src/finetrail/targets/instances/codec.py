"""How the masks of objects that a model found are written down: as boxes are, each with its pixels as run lengths."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from finetrail.targets.boxes.codec import BoxCodec
from finetrail.targets.boxes.detections import BoxAnswers, Detections
from finetrail.targets.boxes.matching import Objects, shared_areas
from finetrail.targets.boxes.overlap import Floats
from finetrail.targets.instances.objects import label_of
from finetrail.targets.masks.label import names_in
from finetrail.targets.masks.raster import counts_of, pixels_of

if TYPE_CHECKING:
    import pandas as pd

    from finetrail.models.placements import Placements
    from finetrail.targets.instances.judge import InstanceJudge


@dataclass(frozen=True)
class InstanceCodec(BoxCodec):
    """See `finetrail.targets.codec.Codec`."""

    detector: str = "mask_rcnn"

    @property
    def judge(self) -> "InstanceJudge":
        from finetrail.targets.instances.judge import InstanceJudge

        return InstanceJudge(self)

    @property
    def kinds(self) -> Mapping[str, str]:
        box = super().kinds["objects"].removesuffix("}]")
        return {"objects": f"{box}, width: long, height: long, counts: string}}]"}

    def unknown(self, labels: Sequence[Any]) -> str:
        others = sorted({name for label in labels for name in names_in(label)} - {*self.classes})
        return f"class {others[0]!r}, which is none of the {len(self.classes)}" if others else ""

    def columns(self, answers: BoxAnswers) -> dict[str, Any]:
        return super().columns(answers) | {"masks": [_counts(one) for one in answers.found]}

    def read(self, frame: "pd.DataFrame") -> BoxAnswers:
        if "masks" not in frame:
            raise ValueError("it has no column 'masks'")
        pairs = zip(super().read(frame).found, frame["masks"].tolist(), strict=True)
        return self.answered([replace(one, masks=np.array(list(masks), dtype=np.object_)) for one, masks in pairs])

    def _said(self, found: Detections) -> list[dict[str, Any]]:
        width, height = found.size
        pairs = zip(super()._said(found), _counts(found), strict=True)
        return [{**box, "width": width, "height": height, "counts": counts} for box, counts in pairs]

    def _heard(self, objects: Sequence[Mapping[str, Any]], size: tuple[int, int]) -> Detections:
        masks = np.array([one["counts"] for one in objects], dtype=np.object_)
        return replace(super()._heard(objects, size), masks=masks)

    def back(self, answers: BoxAnswers, moved: "Sequence[Placements]") -> BoxAnswers:
        """See `finetrail.targets.codec.Placing`."""
        boxes = super().back(answers, moved)
        pairs = zip(boxes.found, answers.found, moved, strict=True)
        return BoxAnswers([replace(one, masks=_back(was, placed)) for one, was, placed in pairs], answers.given)

    def label(self, answers: BoxAnswers, row: int) -> Any:
        """See `finetrail.targets.codec.Placing`."""
        return label_of(answers.answers[row], self.classes)

    def apart(self, one: BoxAnswers, other: BoxAnswers) -> Floats:
        """How far boxes lie apart, or the share of the pixels of an image by which its masks differ where it is more.

        Masks are compared where both answers have as many.
        """
        pairs = zip(one.found, other.found, strict=True)
        return np.maximum(super().apart(one, other), np.array([_unlike(*pair) for pair in pairs], dtype=np.float64))


def _counts(found: Detections) -> list[str]:
    counts: list[str] = [] if found.masks is None else found.masks.tolist()
    return counts


def _back(found: Detections, placed: "Placements") -> NDArray[np.object_]:
    """Masks of an image as those of the image that lies on it."""
    pixels = [pixels_of(counts, *found.size).astype(np.uint8) for counts in _counts(found)]
    return np.array([counts_of(placed.pixels_back(0, one) > 0) for one in pixels], dtype=np.object_)


def _unlike(one: Detections, other: Detections) -> float:
    """The largest share of an image by which a mask differs from that mask of the same class which is most alike."""
    most = 0.0
    for number in set(one.classes.tolist()) if len(one) == len(other) else ():
        mine, yours = one.where(one.classes == number), other.where(other.classes == number)
        if len(mine) and len(yours):
            shared, areas, others = shared_areas(mine, _objects(yours))
            # IoU and areas give the pixels that only one of the two has.
            union = (areas[:, None] + others) / (1 + shared)
            most = max(most, float(((1 - shared) * union).min(axis=1).max()))
    return most / max(1, one.size[0] * one.size[1])


def _objects(found: Detections) -> Objects:
    masks = np.array(_counts(found), dtype=np.object_)
    return Objects(found.boxes.astype(np.float64), np.zeros(len(found), np.bool_), masks)
