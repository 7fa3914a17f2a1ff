"""The rows that are most like a suspect to the pretrained backbone."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from finetrail.assessment.nearest import Features, nearest


class Neighbour(NamedTuple):
    """Attributes: place: of the row; cosine: of the two rows' features, less the mean of all."""

    place: int
    cosine: float


def neighbours(features: Features, wanted: Sequence[int], most: int) -> list[list[Neighbour]]:
    """The other rows nearest to each wanted row, the nearest first.

    The mean of all rows is taken off first: features of one network share a large part, beside which all cosines would
    be near 1.

    Args:
        features: one vector a row.
        wanted: places of rows.
    """
    centred = (features - features.mean(axis=0)).astype(np.float32)
    places, cosines = nearest(centred[list(wanted)], centred, most + 1)
    found = []
    for own, others, values in zip(wanted, places.tolist(), cosines.tolist(), strict=True):
        pairs = [Neighbour(place, value) for place, value in zip(others, values, strict=True) if place != own]
        found.append(pairs[:most])
    return found
