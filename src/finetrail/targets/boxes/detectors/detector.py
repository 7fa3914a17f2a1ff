"""What every detector answers, and the table of them."""

from collections.abc import Mapping
from typing import Any, Protocol

from torch import Tensor, nn

from finetrail.models.pyramid import Pyramid
from finetrail.targets.boxes.detectors import detr, faster_rcnn, fcos, retinanet, rt_detr, ssdlite


class Detector(Protocol):
    """A module of this folder. Outputs (B, A, D) hold all that loss and boxes need, also where the places lie."""

    @property
    def WHOLE(self) -> tuple[str, ...]:  # noqa: N802 - constants of the module
        """The classes of whole detectors of other libraries, whose weights a head may go on from."""
        ...

    @property
    def OPTIONS(self) -> Mapping[str, Any]:  # noqa: N802
        """With which those give the same boxes."""
        ...

    @property
    def FIRST(self) -> int:  # noqa: N802
        """The number of the first class there."""
        ...

    @property
    def OVERLAP(self) -> float:  # noqa: N802 - a constant of the module
        """The overlap from which the less sure of two boxes of a class is left out."""
        ...

    @property
    def BY_OBJECTS(self) -> bool:  # noqa: N802
        """Whether an image with twice as many objects weighs twice as much in training."""
        ...

    def Head(self, pyramid: Pyramid, classes: int, width: int, tower: int) -> nn.Module:  # noqa: N802 - a class
        """A head that maps a pyramid as features (B, F) to outputs (B, A, D).

        It goes on from `pyramid.above`, but for a new class layer; or it is new, of this width and tower.
        """
        ...

    def state(self, head: nn.Module) -> dict[str, Tensor]:
        """The tensors of a head that went on from a whole detector, by its library's names."""
        ...

    def image_losses(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """The loss of each image (B,), whichever others are in its batch.

        Args:
            outputs: (B, A, D).
            targets: xyxy on the canvas and class (B, M, 5), M > 0; class -1 for none.
        """
        ...

    def read(self, outputs: Tensor) -> tuple[Tensor, Tensor]:
        """Boxes on the canvas, xyxy (A, 4), and how likely each is of each class (A, K). Args: outputs: (A, D)."""
        ...


DETECTORS: Mapping[str, Detector] = {
    "fcos": fcos,
    "retinanet": retinanet,
    "faster_rcnn": faster_rcnn,
    "ssdlite": ssdlite,
    "detr": detr,
    "rt_detr": rt_detr,
}
