"""What params.yaml may say of boxes, beside their rules. Light: the command line reads this before any work."""

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field

from finetrail.data.sources.columns import ColumnName, Columns
from finetrail.evaluation.slices import SHARES, SplitRows, distinct
from finetrail.targets.boxes.reading import boxes_of
from finetrail.targets.boxes.sizes import sizes_of
from finetrail.targets.slices import LabelSlice
from finetrail.targets.target import Training

if TYPE_CHECKING:
    from finetrail.evaluation.slices import Rows


class BoxColumns(Columns):
    """Where a table holds the boxes of an image. Annotations of COCO, VOC and YOLO need none of it.

    Attributes:
        label: a column with boxes: a list of `label`, `xmin`, `ymin`, `xmax` and `ymax`, or `bbox` and `categories`;
            with `corners`, the column with the class of a single box.
        corners: the columns of the left, top, right and bottom edge, of a table with a row for each box.
        box: the form of a `bbox`: corners; corner, width and height; or centre, width and height; in pixels.
        classes: the names of classes that are given by their numbers, from 0.
    """

    label: ColumnName = "objects"
    corners: Annotated[tuple[ColumnName, ColumnName, ColumnName, ColumnName], Field(strict=False)] | None = None
    box: Literal["xyxy", "xywh", "cxcywh"] = "xywh"
    classes: Annotated[tuple[str, ...], Field(strict=False, min_length=1)] | None = None

    @property
    def labels(self) -> tuple[str, ...]:
        return (self.label, *(self.corners or ()))


class BoxTraining(Training):
    """What section `train` of params.yaml says of boxes.

    Attributes:
        detector: FCOS (Tian et al. 2019), RetinaNet (Lin et al. 2017), Faster R-CNN (Ren et al. 2015), SSDLite (Sandler
            et al. 2018), all on the same pyramid, or the kind of a whole detector that the backbone is; DETR (Carion et
            al. 2020) and RT-DETR (Zhao et al. 2024) are such alone.
        loss: that of the detector.
        metric: the validation metric that picks the best evaluation.
        pyramid_width: channels of the feature pyramid and of the head on it, a multiple of 32 and at least 64.
        tower: convolutions of the head in front of its outputs; of Faster R-CNN, linear layers of its second stage.
    """

    detector: Literal["fcos", "retinanet", "faster_rcnn", "ssdlite", "detr", "rt_detr"] = "fcos"
    loss: Literal["detector"] = "detector"
    metric: Literal["f1", "mar_100", "map_75", "map_50", "map"] = "map"
    # A norm of the head takes the mean over a 32nd of them: of one channel at one place there would be none.
    pyramid_width: int = Field(128, ge=64, multiple_of=32)
    tower: int = Field(2, ge=0, le=8)


class BoxSlice(LabelSlice):
    """A slice of images with boxes of a class or a size, or by how many boxes they have.

    Attributes:
        size: the slice has the images with a box of one of these sizes.
        min_boxes, max_boxes: of an image.
    """

    size: list[Literal["small", "medium", "large"]] | None = Field(default=None, min_length=1)

    min_boxes: int | None = Field(default=None, ge=0)
    max_boxes: int | None = Field(default=None, ge=0)

    @classmethod
    def names(cls, label: Any) -> Iterable[str]:
        return (box["label"] for box in label)

    @classmethod
    def offered(cls, split: SplitRows) -> list[dict[str, Any]]:
        import numpy as np

        counts = [len(label) for label in split.labels]
        bounds = np.unique(np.quantile(counts, SHARES, method="lower")).tolist() if counts else []
        found = [{"max_boxes": bound} for bound in bounds] + [{"min_boxes": bound + 1} for bound in bounds]
        sizes = distinct(size for sizes in _sizes(split) for size in sizes)
        return [*super().offered(split), *({"size": [size]} for size in sizes), *found]

    def rows(self, split: SplitRows) -> "Rows":
        import numpy as np

        counts = np.array([len(label) for label in split.labels], dtype=np.int64)
        high = counts.max(initial=0) if self.max_boxes is None else self.max_boxes
        found = super().rows(split) & (counts >= (self.min_boxes or 0)) & (counts <= high)
        if self.size is not None:
            found &= np.array([not sizes.isdisjoint(self.size) for sizes in _sizes(split)], dtype=np.bool_)
        return found


def _sizes(split: SplitRows) -> Iterator[set[str]]:
    """The sizes of the boxes of each image."""
    return ({size for box in boxes_of(label) for size in sizes_of(box)} for label in split.labels)
