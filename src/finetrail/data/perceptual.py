"""A hash of what a picture looks like: it changes little when the picture is scaled, re-encoded or brightened."""

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

SIDE = 32  # of the small grey picture that is hashed
BITS = 64


def perceptual_hashes(greys: "np.ndarray") -> list[str]:
    """The 64-bit DCT hash of each picture (Zauner 2010), as 16 hex digits.

    The discrete cosine transform of the small picture says how much of each frequency it holds. A bit is set where one
    of the 64 lowest frequencies, without the mean brightness, is above their median.

    Args:
        greys: (N, 32, 32) uint8.
    """
    import numpy as np

    if not len(greys):
        return []
    basis, lowest = _basis()
    # Whole numbers below 2**53: float64 adds them exactly, so the bits are the same on every machine.
    transformed = basis @ greys.astype(np.float64) @ basis.T
    frequencies = transformed[:, lowest[0], lowest[1]]  # (N, 64)
    bits = frequencies > np.median(frequencies, axis=1, keepdims=True)
    packed = np.packbits(bits, axis=1)  # (N, 8)
    return [row.tobytes().hex() for row in packed]


def _basis() -> "tuple[np.ndarray, tuple[list[int], list[int]]]":
    """The lowest rows of the DCT-II as whole numbers, and the 64 lowest frequencies in zigzag order."""
    import numpy as np

    pairs = sorted(((u, v) for u in range(SIDE) for v in range(SIDE) if u + v), key=lambda pair: (sum(pair), pair))
    lowest = pairs[:BITS]
    rows = 1 + max(max(pair) for pair in lowest)
    cosines = [
        [round(4096 * math.cos(math.pi * u * (2 * x + 1) / (2 * SIDE))) for x in range(SIDE)] for u in range(rows)
    ]
    return np.array(cosines, np.float64), ([u for u, _ in lowest], [v for _, v in lowest])
