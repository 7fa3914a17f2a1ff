"""Which images are the same, or nearly: such images must never be on both sides of a split.

Near = perceptual hashes (256 bits, see `perceptual`) that differ by at most `within` bits, and by at most 8 of their
first 64. Those 64 alone are too coarse: in CIFAR-10 they find 335 pairs within 4 bits, 6 of them different
silhouettes on a plain background; in 5,000 digits of MNIST they take 2,066 pairs for the same. An exact join finds the
pairs, so whether two images are near depends on these two alone.
"""

from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING

from finetrail.data.near.hamming_join import BITS, HammingJoin
from finetrail.data.near.leakage import Crossing, crossing
from finetrail.errors import DataError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Ints = NDArray[np.int64]


class Images:
    """The images of all rows, and which of them are the same or near: build once, then ask."""

    def __init__(self, keys: Sequence[str], hashes: Sequence[str], within: int | None) -> None:
        """Build the join.

        Args:
            keys: what equal files have in common, one a row.
            hashes: 64 hex digits a row.
            within: bits in which two near images may differ; None: only equal files are the same.

        Raises:
            DataError: a hash is of another length.
        """
        import numpy as np

        if any(len(digits) != BITS // 4 for digits in hashes):
            raise DataError(f"the perceptual hashes in data/raw do not have {BITS} bits; run `finetrail ingest` again")
        words = np.frombuffer(bytes.fromhex("".join(hashes)), dtype=">u8").reshape(-1, BITS // 64)
        self._words = words.astype(np.uint64)
        self._keys = keys
        if within is None:
            self._join = None
            numbers: dict[str, int] = {}
            self._number = np.array([numbers.setdefault(key, len(numbers)) for key in keys], dtype=np.int64)
        else:
            distinct, number = np.unique(self._words, axis=0, return_inverse=True)
            self._join = HammingJoin(distinct, within)
            self._number = number.astype(np.int64).reshape(-1)

    def clusters(self) -> "Ints":
        """Return one number a row: equal for rows of the same image, or joined by a chain of near pairs."""
        return self._clusters

    @cached_property
    def _clusters(self) -> "Ints":
        return self._number if self._join is None else self._join.clusters()[self._number]

    def crossing(self, splits: Sequence[str | None]) -> Crossing | None:
        """Search for the same or near images in different splits; return one such pair, or None.

        It does not trust `clusters` but compares across splits again. It skips rows of split None.
        """
        pair = crossing(self._number, splits, None if self._join is None else self._join.crossing)
        return None if pair is None else Crossing(*pair, self.similarity(*pair))

    def beside(self, labels: Sequence[str]) -> "NDArray[np.bool_]":
        """For each row, whether a near image of another row has another label."""
        import numpy as np

        label = np.unique(np.array(labels, dtype=object), return_inverse=True)[1].astype(np.int64)
        mixed = _mixed(self._number, label)  # one image under several labels
        if self._join is not None:
            # Only a cluster of several labels can hold such a pair, and few clusters do.
            places = np.unique(self._number[_mixed(self.clusters(), label)[self.clusters()]])
            own = np.zeros(len(mixed), dtype=np.int64)
            own[self._number] = label
            # An image with several labels differs from any image near it; for the others compare their only label.
            colour = np.where(mixed[places], len(labels) + np.arange(len(places)), own[places])
            for first, second in HammingJoin(self._join.words[places], self._join.within).pairs(colour):
                mixed[places[first]] = mixed[places[second]] = True
        beside: NDArray[np.bool_] = mixed[self._number]
        return beside

    def similarity(self, first: int, second: int) -> float:
        """The share of the bits of two rows' hashes that are equal; 1.0 also for another file of the same look."""
        import numpy as np

        return 1 - int(np.bitwise_count(self._words[first] ^ self._words[second]).sum()) / BITS

    def relation(self, first: int, second: int) -> str:
        """How the images of two rows of a cluster relate, as in "near to"."""
        if self._keys[first] == self._keys[second]:
            return "the same image as"
        near = self._join is not None and self._join.near(self._number[[first]], self._number[[second]])[0]
        return "near to" if near else "joined by a chain of near rows to"

    def say(self, similarity: float) -> str:
        """The similarity in words."""
        return f"{round((1 - similarity) * BITS)} of {BITS} bits differ"


def _mixed(numbers: "Ints", labels: "Ints") -> "NDArray[np.bool_]":
    """For each number, whether it has more than one label. Args: both (rows,), the labels as numbers."""
    import numpy as np

    low, high = np.full(len(numbers), len(labels)), np.full(len(numbers), -1)
    np.minimum.at(low, numbers, labels)
    np.maximum.at(high, numbers, labels)
    mixed: NDArray[np.bool_] = low < high
    return mixed
