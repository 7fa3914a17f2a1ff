"""Which rows must never be on both sides of a split: those whose contents are the same, or nearly.

Each kind of content decides that for itself, as `Neighbours`.
"""

from collections import defaultdict
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Crossing:
    """Two rows in different splits that are the same or near."""

    first: int
    second: int
    similarity: float


class Neighbours(Protocol):
    """The contents of all rows, and which of them are the same or near; a row is identified by its index."""

    def clusters(self) -> "Ints":
        """Return one number per row: equal for rows with the same content or joined by a chain of near pairs."""
        ...

    def crossing(self, splits: Sequence[str | None]) -> Crossing | None:
        """Search different splits for contents that are the same or near; a row of split None is left out."""
        ...

    def similarity(self, first: int, second: int) -> float:
        """How similar two rows are: 1.0 = the same."""
        ...

    def relation(self, first: int, second: int) -> str:
        """How one row relates to another of its cluster, as in "near to"."""
        ...

    def say(self, similarity: float) -> str:
        """The similarity in words."""
        ...


def crossing(
    contents: "Ints", splits: Sequence[str | None], near: "Callable[[Ints], tuple[int, ...] | None] | None"
) -> tuple[int, int] | None:
    """Return two rows in different splits with the same or near contents; None if there are none.

    Args:
        contents: (rows,) the number of each row's content, equal for equal contents.
        near: finds two near contents on different sides, given the side of each content, or -1 to leave it out; None if
            only equal contents count.
    """
    import numpy as np

    names = sorted({split for split in splits if split is not None})
    known = int(contents.max(initial=-1)) + 1
    side, row_of = np.full(known, -1), np.zeros(known, dtype=np.int64)
    for row, (content, split) in enumerate(zip(contents.tolist(), splits, strict=True)):
        if split is None:
            continue
        if side[content] == -1:
            side[content], row_of[content] = names.index(split), row
        elif names[side[content]] != split:
            return int(row_of[content]), row
    pair = None if near is None else near(side)
    return None if pair is None else (int(row_of[pair[0]]), int(row_of[pair[1]]))


def units_of(clusters: Sequence[int], groups: Sequence[str | None]) -> list[list[int]]:
    """Return the rows that must stay together: joined by a cluster or by a group, in any number of steps."""
    parent = list(range(len(clusters)))

    def root(row: int) -> int:
        while parent[row] != row:
            parent[row] = parent[parent[row]]
            row = parent[row]
        return row

    first: dict[Hashable, int] = {}
    for row, (cluster, group) in enumerate(zip(clusters, groups, strict=True)):
        for key in [("cluster", cluster)] + ([("group", group)] if group is not None else []):
            parent[root(row)] = root(first.setdefault(key, row))
    units: defaultdict[int, list[int]] = defaultdict(list)
    for row in range(len(clusters)):
        units[root(row)].append(row)
    return list(units.values())
