"""A unit of work: one training of a candidate, told by its seed and by its share of the training rows."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, order=True)
class Unit:
    """One training.

    Attributes:
        seed: of the new weights and of the training and, for a part of the rows, of their draw.
        fraction: how much of the training rows it learns from; 1: all.
    """

    seed: int
    fraction: float = 1.0

    def __str__(self) -> str:
        return f"seed {self.seed}" + (f" on {self.fraction:g} of the rows" if self.fraction < 1 else "")

    def drawn(self, groups: Sequence[object]) -> list[int]:
        """The rows that it learns from, ascending: drawn without replacement, whole groups where there are groups.

        With one seed, the rows of a smaller fraction are among those of a larger one.

        Args:
            groups: of all training rows; None for a row of its own.
        """
        wanted = max(1, round(self.fraction * len(groups)))
        members: dict[object, list[int]] = {}
        for row, group in enumerate(groups):
            members.setdefault(("row", row) if group is None else ("group", group), []).append(row)
        drawable = list(members.values())
        taken: list[int] = []
        for place in np.random.default_rng(self.seed).permutation(len(drawable)):
            if len(taken) >= wanted:
                break
            taken += drawable[place]
        return sorted(taken)
