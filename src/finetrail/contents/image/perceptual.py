"""A hash of what an image shows: it changes little when the image is scaled, compressed, brightened or tinted."""

import math
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

SIDE = 32  # of the small grey image that is hashed
FREQUENCIES = 16  # the lowest ones, in each direction
COARSE = 8  # the lowest of these, whose bits come first
SCALE = 2**16
LEAST = 0.25  # grey values: a frequency that an image does not hold is 0 but for the rounding of the basis


def perceptual_hashes(greys: "NDArray[np.uint8]") -> list[str]:
    """The 256-bit hash of each image, as 64 hex digits.

    The discrete cosine transform (DCT-II) of the small image says how much of each frequency it holds; a bit is set
    where that is above 0. The 8 x 8 lowest frequencies come first, row by row, then the others of the 16 x 16 lowest;
    the first of all, the mean brightness, counts as 0. These signs tell more than the bits above the median that pHash
    takes (Zauner 2010): exactly half of those are set, so that distances are even numbers.

    Args:
        greys: (N, 32, 32).
    """
    import numpy as np

    if not len(greys):
        return []
    basis, order = _basis()
    # Whole numbers below 2**53: float64 adds them exactly, so the bits are the same on every machine.
    transformed = basis @ greys.astype(np.float64) @ basis.T  # (N, 16, 16)
    transformed[:, 0, 0] = 0
    bits = transformed.reshape(len(greys), -1)[:, order] > LEAST * SCALE**2 * SIDE / 2
    return [row.tobytes().hex() for row in np.packbits(bits, axis=1)]


@cache
def _basis() -> "tuple[NDArray[np.float64], NDArray[np.int64]]":
    """The lowest rows of the DCT-II as whole numbers (16, 32), and the order of the bits (256,)."""
    import numpy as np

    rows = [
        [round(SCALE * math.cos(math.pi * k * (2 * x + 1) / (2 * SIDE))) for x in range(SIDE)]
        for k in range(FREQUENCIES)
    ]
    fine = (np.indices((FREQUENCIES, FREQUENCIES)) >= COARSE).any(axis=0).ravel()
    return np.array(rows, np.float64), np.argsort(fine, kind="stable")
