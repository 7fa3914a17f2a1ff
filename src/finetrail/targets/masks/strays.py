"""What is wrong with a mask that has pixels of no class: a lossy file, soft edges, or a class that nobody named."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

NEAR = 32
"""How far values may be from those of a class, in each channel, that a lossy file has changed."""
VARIETY = 8
"""The fewest values of no class that a lossy file leaves: a class that nobody named has one."""
ROUNDED = 4
"""How far, in each channel, a value between those of two classes may be from the line between them."""
EDGES = 0.1
"""The most of the pixels of no class that lie among themselves, if all are along edges."""
_SHOWN = 2
_LOOKED_AT = 4096


def stray_fault(pixels: NDArray[Any], stray: NDArray[np.bool_], known: NDArray[Any] | None) -> dict[str, str]:
    """The rule that finds a mask with pixels of no class, and what it says.

    Args:
        pixels: values or colours (H, W, C).
        stray: where they are of no class (H, W).
        known: those of the classes (K, C), with values between them that mean nothing; None where any may be a class.
    """
    strays = pixels[stray].astype(np.int64)
    channels = 1 << 16 * np.arange(strays.shape[1])
    codes, counts = np.unique(strays @ channels, return_counts=True)
    commonest = np.argsort(-counts, kind="stable")[:_LOOKED_AT]
    found, counts = codes[commonest, None] // channels % (1 << 16), counts[commonest]
    shown = ", ".join(str(tuple(one)) if len(one) > 1 else str(one[0]) for one in found[:_SHOWN].tolist())
    said = f"{shown}{', ...' if len(found) > _SHOWN else ''} in {len(strays):,} of {stray.size:,} pixels"
    if known is None:
        return {"unknown_value": said}
    near = np.abs(found[:, None] - known[None]).max(axis=2).min(axis=1) <= NEAR
    if len(found) >= VARIETY and 2 * counts[near].sum() > counts.sum():
        return {"lossy_mask": said}
    found, counts = found[:VARIETY], counts[:VARIETY]
    mixed = 2 * counts[_are_between(found, known)].sum() > counts.sum()
    along_edges = _among_themselves(stray).sum() <= EDGES * len(strays)
    return {"edge_colours" if mixed and along_edges else "unknown_value": said}


def _are_between(found: NDArray[np.int64], known: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Which values (U, C) lie on the line between two of the classes (K, C)."""
    start = known[:, None, None]
    way, gone = known[None, :, None] - start, found - start  # (K, K, 1, C) and (K, 1, U, C)
    length = np.maximum((way * way).sum(-1), 1)
    share = ((gone * way).sum(-1) / length).clip(0, 1)
    off = np.abs(gone - share[..., None] * way).max(-1)
    among: NDArray[np.bool_] = (off <= ROUNDED).any((0, 1))
    return among


def _among_themselves(where: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Pixels whose eight neighbours are such pixels too (H, W); those outside of the image count as such."""
    padded = np.pad(where, 1, constant_values=True)
    rows = padded[:, :-2] & padded[:, 1:-1] & padded[:, 2:]
    inside: NDArray[np.bool_] = rows[:-2] & rows[1:-1] & rows[2:]
    return inside
