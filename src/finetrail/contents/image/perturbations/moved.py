"""Where an image lies on what a perturbation made of it: smaller, and maybe mirrored."""

import numpy as np

from finetrail.data.image_files import upright_size
from finetrail.models.placements import Placements


def moved(was: bytes, became: bytes, *, mirrored: bool) -> Placements:
    """The placement of one encoded image on another."""
    old, new = (upright_size(one) or (1, 1) for one in (was, became))
    scale, shift = np.array([new]) / np.array([old]), np.zeros((1, 2))
    if mirrored:
        scale, shift = scale * (-1, 1), np.array([[new[0], 0.0]])
    return Placements(scale, shift, np.array([old]), new)
