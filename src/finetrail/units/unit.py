"""A unit of work: one training of a candidate, told by its seed and by its share of the training rows."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, order=True)
class Unit:
    """One training.

    Attributes:
        seed: of the new weights and of the training and, for a part of the rows, of their draw.
        fraction: how much of the training rows it learns from; 1: all.
        fold, folds: the training rows are divided into so many folds, and it does not learn from this one; 0: no.
    """

    seed: int
    fraction: float = 1.0
    fold: int = 0
    folds: int = 0

    def __str__(self) -> str:
        part = f" on {self.fraction:g} of the rows" if self.fraction < 1 else ""
        return f"seed {self.seed}{part}" + (f" without fold {self.fold} of {self.folds}" if self.folds else "")

    def drawn(self, groups: Sequence[object]) -> list[int]:
        """The rows that it learns from, ascending: drawn without replacement, whole groups where there are groups.

        With one seed, the rows of a smaller fraction are among those of a larger one.

        Args:
            groups: of all training rows; None for a row of its own.
        """
        wanted = max(1, round(self.fraction * len(groups)))
        drawable = _together(groups, without=set(self.held_out(groups)))
        taken: list[int] = []
        for place in np.random.default_rng(self.seed).permutation(len(drawable)):
            if len(taken) >= wanted:
                break
            taken += drawable[place]
        return sorted(taken)

    def held_out(self, groups: Sequence[object]) -> list[int]:
        """The rows of the fold that it does not learn from, ascending; of equal size, but for whole groups.

        Args:
            groups: as in `drawn`. The folds depend on nothing else.
        """
        if not self.folds:
            return []
        drawable = _together(groups)
        places = np.random.default_rng(0).permutation(len(drawable))
        return sorted(row for place in places[self.fold - 1 :: self.folds] for row in drawable[place])


def _together(groups: Sequence[object], without: Collection[int] = ()) -> list[list[int]]:
    """The rows that are drawn together: those of a group."""
    members: dict[object, list[int]] = {}
    for row, group in enumerate(groups):
        if row not in without:
            members.setdefault(("row", row) if group is None else ("group", group), []).append(row)
    return list(members.values())
