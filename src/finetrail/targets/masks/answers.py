"""The masks that a model found in images."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class MaskAnswers:
    """Answers to n images.

    Attributes:
        masks: of each, in the form of a label.
        confidence: the mean probability of the classes that its pixels got (n,).
    """

    masks: Sequence[Mapping[str, Any]]
    confidence: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.masks)

    def __getitem__(self, mask: NDArray[np.bool_]) -> "MaskAnswers":
        return MaskAnswers([self.masks[row] for row in np.flatnonzero(mask).tolist()], self.confidence[mask])
