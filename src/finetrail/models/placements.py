"""Where images lie on the canvases that a network sees: what names places in an image moves with it, there and back.

A point (x, y) of the upright image lies at (x, y) * scale + shift on its canvas. A mirrored image has a negative scale.
Boxes and masks follow by the same numbers, in training as in serving.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Placements:
    """The places of B images.

    Attributes:
        scale, shift: by x and y (B, 2).
        sizes: width and height of each upright image (B, 2).
        canvas: width and height.
    """

    scale: Floats
    shift: Floats
    sizes: NDArray[np.int64]
    canvas: tuple[int, int]

    def __len__(self) -> int:
        return len(self.scale)

    def onto(self, row: int, boxes: Floats) -> Floats:
        """Boxes (n, 4) of an image, xyxy, on its canvas; what is outside of it is not cut off."""
        return _ordered(boxes.reshape(-1, 2, 2) * self.scale[row] + self.shift[row])

    def back(self, row: int, boxes: Floats) -> Floats:
        """Boxes (n, 4) on a canvas in pixels of its image; what is outside of the image is cut off."""
        corners = (boxes.reshape(-1, 2, 2) - self.shift[row]) / self.scale[row]
        return _ordered(np.clip(corners, 0, self.sizes[row]))


def _ordered(corners: Floats) -> Floats:
    """Corners (n, 2, 2) as xyxy (n, 4), the left and upper one first."""
    found: Floats = np.sort(corners, axis=1).reshape(-1, 4)
    return found
