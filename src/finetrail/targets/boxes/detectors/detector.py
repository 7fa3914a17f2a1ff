"""What every detector answers, and the table of them."""

from collections.abc import Mapping
from typing import Protocol

from torch import Tensor, nn

from finetrail.models.pyramid import Pyramid
from finetrail.targets.boxes.detectors import faster_rcnn, fcos, retinanet, ssdlite


class Detector(Protocol):
    """A module of this folder. Outputs (B, A, D) hold all that loss and boxes need, also where the places lie."""

    @property
    def OVERLAP(self) -> float:  # noqa: N802 - a constant of the module
        """The overlap from which the less sure of two boxes of a class is left out."""
        ...

    def Head(self, pyramid: Pyramid, classes: int, width: int, tower: int) -> nn.Module:  # noqa: N802 - a class
        """A new head, which maps a pyramid as features (B, F) to outputs (B, A, D)."""
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
}
