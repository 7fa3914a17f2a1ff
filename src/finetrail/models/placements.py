"""Where images lie on the canvases that a network sees: what names places in an image moves with it, there and back.

A point (x, y) of the upright image lies at (x, y) * scale + shift on its canvas. A mirrored image has a negative scale.
Boxes and masks follow by the same numbers, in training as in serving.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Pixels = NDArray[np.uint8]


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

    def pixels_onto(self, row: int, pixels: Pixels, outside: int) -> Pixels:
        """What each pixel of an image (H, W) says, on its canvas; `outside` where the image is not."""
        found = np.full(self.canvas[::-1], outside, dtype=pixels.dtype)
        places = [self._under(row, axis, pixels.shape[1 - axis]) for axis in (0, 1)]
        inside = [np.flatnonzero(place >= 0) for place in places]
        found[np.ix_(inside[1], inside[0])] = pixels[np.ix_(places[1][inside[1]], places[0][inside[0]])]
        return found

    def pixels_back(self, row: int, pixels: Pixels) -> Pixels:
        """What each pixel of a canvas says, on the pixels of its image (H, W)."""
        middles = [(np.arange(side) + 0.5) for side in self.sizes[row].tolist()]
        places = [
            np.clip(np.floor(middle * self.scale[row, axis] + self.shift[row, axis]), 0, self.canvas[axis] - 1)
            for axis, middle in enumerate(middles)
        ]
        across, down = (place.astype(np.int64) for place in places)
        return pixels[np.ix_(down, across)]

    def _under(self, row: int, axis: int, side: int) -> NDArray[np.int64]:
        """Which pixel of an image lies under each of its canvas along an axis; -1 for none. Args: side: its pixels."""
        middles = (np.arange(self.canvas[axis]) + 0.5 - self.shift[row, axis]) / self.scale[row, axis]
        shares = middles / self.sizes[row, axis]
        return np.where((shares >= 0) & (shares < 1), np.floor(shares * side), -1).astype(np.int64)


@dataclass(frozen=True)
class Collage:
    """What the canvases of a batch are made of: K images, of which several may lie on one canvas.

    Attributes:
        placements: of each.
        image, canvas: the numbers, in the batch, of each image and of the canvas that it lies on (K,).
        seen: the part of the canvas that shows it, xyxy (K, 4).
    """

    placements: Placements
    image: NDArray[np.int64]
    canvas: NDArray[np.int64]
    seen: NDArray[np.int64]


def _ordered(corners: Floats) -> Floats:
    """Corners (n, 2, 2) as xyxy (n, 4), the left and upper one first."""
    found: Floats = np.sort(corners, axis=1).reshape(-1, 4)
    return found
