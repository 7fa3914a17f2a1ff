"""Search for slices on which a model is worse than on the rest: a beam over conditions, then what they add.

It sees the errors of one half of the rows alone. The other half tests what it finds; see `tested.py`.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from finetrail.assessment.slices.settings import Slices
from finetrail.evaluation.scores.bootstrap import Floats
from finetrail.evaluation.slices import Slice, SplitRows

Bools = NDArray[np.bool_]
BEAM = 20
"""Slices that are refined further, at each number of conditions."""
LEAST = 1.64
"""Standard errors by which a slice must be worse to be worth a test: one in twenty is by chance."""


@dataclass(frozen=True)
class Candidate:
    """A slice that may be worse than the rest.

    Attributes:
        rows: whether each row belongs to it (n,), of both halves.
        conditions: as params.yaml declares them; none for a cluster.
        cluster: its number; None for conditions.
    """

    rows: Bools
    conditions: Mapping[str, Any]
    cluster: int | None = None

    @property
    def order(self) -> tuple[int, str]:
        """Of equally bad ones the simplest comes first."""
        count = sum(len(one) if isinstance(one, Mapping) else 1 for one in self.conditions.values())
        return (count, str(sorted(self.conditions.items())))


@dataclass(frozen=True)
class Searched:
    """What a search found.

    Attributes:
        looked_at: how many slices it compared.
        suspects: those worth a test, the worst first; each is bad without the rows of those before it.
    """

    looked_at: int
    suspects: tuple[Candidate, ...]


def single_slices(declared: type[Slice], split: SplitRows, clusters: Iterable[int]) -> list[Candidate]:
    """Every slice of one condition, and every cluster. Args: clusters: of the rows (n,); empty for none."""
    found = [Candidate(declared(**one).rows(split), one) for one in declared.offered(split)]
    numbers = np.array(list(clusters), dtype=np.int64)
    return found + [Candidate(numbers == one, {}, int(one)) for one in np.unique(numbers)]


def search(errors: Floats, half: Bools, single: Sequence[Candidate], settings: Slices) -> Searched:
    """Find the slices of the searching half that are worst.

    A refinement must be worse than the rest of the slice that it refines; and a slice must be worse than the rest still
    without the rows of worse slices.

    Args:
        errors: of the rows (n,); those outside of `half` are not looked at.
        half: the rows that search (n,).
        single: slices of one condition each, and clusters.
    """
    pool = [one for one in single if _supported(one.rows, half, settings.min_rows)]
    looked_at = len(pool)
    conditions = [one for one in pool if one.cluster is None]
    beam = conditions
    seen = {one.order for one in pool}
    for _ in range(settings.max_conditions - 1):
        beam = _worst_first(errors, half, beam)[:BEAM]
        grown: list[Candidate] = []
        for parent in beam:
            children = [child for one in conditions if (child := _both(parent, one)) and child.order not in seen]
            seen |= {child.order for child in children}
            children = [one for one in children if _supported(one.rows, half, settings.min_rows)]
            looked_at += len(children)
            grown += [one for one in children if _worse_than_parent(errors, half, one, parent)]
        beam = grown
        pool = pool + grown
    return Searched(looked_at, tuple(_distinct(errors, half, _worst_first(errors, half, pool), settings)))


def members(searched: Searched, rows: int) -> "pd.Series[Any]":
    """The numbers of the suspects that each row belongs to, one list a row."""
    numbered = [[number for number, one in enumerate(searched.suspects) if one.rows[row]] for row in range(rows)]
    return pd.Series(numbered, dtype="object")


def surprise(errors: Floats, rows: Bools) -> float:
    """How many standard errors the mean error of some rows lies above that of all, were they drawn by chance.

    Args:
        errors: of n rows; rows: which of them (n,).
    """
    n, k, spread = len(errors), int(rows.sum()), float(errors.std())
    if not 0 < k < n or spread == 0:
        return 0.0
    # Drawn without replacement from n rows.
    error_of_mean = spread * np.sqrt((1 / k) * (n - k) / (n - 1))
    return float((errors[rows].mean() - errors.mean()) / error_of_mean)


def _supported(rows: Bools, half: Bools, fewest: int) -> bool:
    """Whether a slice has enough rows in each half, and leaves some out."""
    return all(fewest <= (rows & side).sum() < side.sum() for side in (half, ~half))


def _both(parent: Candidate, one: Candidate) -> Candidate | None:
    """The rows that meet the conditions of both; None where both say something of the same."""
    conditions = {**parent.conditions, **one.conditions}
    for key in parent.conditions.keys() & one.conditions.keys():
        these, those = parent.conditions[key], one.conditions[key]
        if not isinstance(these, Mapping) or these.keys() & those.keys():
            return None
        conditions[key] = dict(sorted({**these, **those}.items()))
    return Candidate(parent.rows & one.rows, conditions)


def _worse_than_parent(errors: Floats, half: Bools, child: Candidate, parent: Candidate) -> bool:
    inside = parent.rows & half
    if surprise(errors[inside], child.rows[inside]) < LEAST:
        return False
    return surprise(errors[half], child.rows[half]) > surprise(errors[half], parent.rows[half])


def _worst_first(errors: Floats, half: Bools, candidates: Sequence[Candidate]) -> list[Candidate]:
    return sorted(candidates, key=lambda one: (-surprise(errors[half], one.rows[half]), one.order))


def _distinct(errors: Floats, half: Bools, candidates: Sequence[Candidate], settings: Slices) -> list[Candidate]:
    """Those that are bad for themselves, not for the rows that they share with worse ones."""
    found: list[Candidate] = []
    left = np.ones(len(errors), dtype=np.bool_)
    for one in candidates:
        if len(found) == settings.max_tested:
            break
        enough = all((one.rows & left & side).sum() >= settings.min_rows for side in (half, ~half))
        if enough and surprise(errors[left & half], one.rows[left & half]) >= LEAST:
            found.append(one)
            left = left & ~one.rows
    return found
