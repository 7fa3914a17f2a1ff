"""Whether two sets of answers to the same rows can come from one model."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from finetrail.targets.codec import Codec

TOLERANCE = 1e-3
"""A share of the largest output: other batches and threads sum in another order, and differ by about 1e-6."""


@dataclass(frozen=True)
class Farthest:
    """The row whose two answers lie farthest apart.

    Attributes:
        row: its place.
        said, expected: the answers, for people.
        allowed: how far apart they may lie.
    """

    row: int
    said: str
    expected: str
    apart: float
    allowed: float

    @property
    def agree(self) -> bool:
        """Whether all answers do; NaN agrees with nothing."""
        return self.apart <= self.allowed


def farthest(codec: Codec, said: Any, expected: Any, tolerance: float = TOLERANCE) -> Farthest:
    """Compare answers. Args: codec: of the model that they should come from; tolerance: a share, as `TOLERANCE` is."""
    differences = codec.apart(said, expected)
    row = int(np.argmax(np.where(np.isfinite(differences), differences, np.inf)))
    allowed = tolerance * codec.scale(expected)
    return Farthest(row, codec.shown(said, row), codec.shown(expected, row), float(differences[row]), allowed)
