"""Every pair of perceptual hashes that differ in few bits: an exact Hamming join in bounded memory.

A hash has 256 bits; the first 64 are coarse (see `perceptual`). Two hashes are near if they differ in at most `COARSE`
coarse bits and in at most `within` bits in all.

Method: multi-index hashing (Norouzi, Punjani & Fleet, "Fast search in Hamming space with multi-index hashing", 2012).
The 64 coarse bits are cut into 3 blocks: two hashes that differ in at most 8 of them differ in at most 2 of some block.
So every block is looked up as it is and with each bit and pair of bits flipped, and little else is compared.
"""

from collections.abc import Iterator
from functools import cached_property
from itertools import combinations
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Ints = NDArray[np.int64]
    Words = NDArray[np.uint64]

BITS = 256
COARSE = 8  # of the first 64 bits
BLOCKS = ((0, 22), (22, 21), (43, 21))  # (lowest bit, bits) of the first word
FLIPS = COARSE // len(BLOCKS)  # bits that may differ in the block that differs least
PAIRS_AT_ONCE = 1_000_000


class HammingJoin:
    """Distinct hashes as numbers, and the lookups that find every near pair.

    Args:
        words: (n, 4) the distinct hashes, 64 bits per word; a hash is identified by its index.
        within: how many of all 256 bits may differ between two near hashes.
        pairs_at_once: pairs to compare at once, which bounds memory.
    """

    def __init__(self, words: "Words", within: int, pairs_at_once: int = PAIRS_AT_ONCE) -> None:
        self.words = words
        self.within = within
        self._pairs_at_once = pairs_at_once

    @cached_property
    def blocks(self) -> "list[_Block]":
        return [_Block(self.words[:, 0], shift, bits) for shift, bits in BLOCKS]

    def distance(self, first: "Ints", second: "Ints") -> "Ints":
        """Return in how many bits the hashes at two lists of indices differ, pair by pair."""
        import numpy as np

        bits: Ints = np.bitwise_count(self.words[first] ^ self.words[second]).sum(axis=-1, dtype=np.int64)
        return bits

    def near(self, first: "Ints", second: "Ints") -> "NDArray[np.bool_]":
        """Return whether the hashes at two lists of indices are near, pair by pair."""
        import numpy as np

        near: NDArray[np.bool_] = (
            np.bitwise_count(self.words[first, 0] ^ self.words[second, 0]) <= COARSE
        )  # settles nearly all
        places = np.flatnonzero(near)
        near[places] = self.distance(first[places], second[places]) <= self.within
        return near

    def pairs(self, colour: "Ints") -> "Iterator[tuple[Ints, Ints]]":
        """Yield the near pairs of different colours, some at a time; a pair may come more than once.

        Args:
            colour: one number per hash; a negative one excludes a hash. The caller may unite colours while iterating.
        """
        import numpy as np

        for flips in range(FLIPS + 1):
            for block in self.blocks:
                colours = block.colours(colour)  # as of now: later colours would only skip more
                for turned in combinations(range(block.bits), flips):
                    mask = sum(1 << bit for bit in turned)
                    for one, two in block.candidates(mask, *colours, self._pairs_at_once):
                        apart = (colour[one] != colour[two]) & (colour[one] >= 0) & (colour[two] >= 0)
                        first, second = one[apart], two[apart]
                        near = np.flatnonzero(self.near(first, second))
                        if len(near):
                            yield first[near], second[near]

    def clusters(self) -> "Ints":
        """Return one number per hash; two hashes have the same one if a chain of near pairs joins them."""
        import numpy as np

        colour = np.arange(len(self.words))
        # First compare each hash with the next in a block's order: that unites most of a large cluster at little cost.
        for block in self.blocks:
            first, second = block.order[:-1], block.order[1:]
            near = self.near(first, second)
            unite(colour, first[near], second[near])
        for first, second in self.pairs(colour):
            unite(colour, first, second)
        return colour

    def crossing(self, side: "Ints") -> tuple[int, int] | None:
        """Return a near pair on different sides; None if there is none. Args: side: as `colour` in `pairs`."""
        for first, second in self.pairs(side):
            return int(first[0]), int(second[0])
        return None


class _Block:
    """Some bits of every hash, as a table from their value to the indices that have it."""

    def __init__(self, word: "Words", shift: int, bits: int) -> None:
        import numpy as np

        self.bits = bits
        value = ((word >> np.uint64(shift)) & np.uint64((1 << bits) - 1)).astype(np.int64)
        self.order = np.lexsort((word, value))  # indices by value
        ordered = value[self.order]
        self.values, self.starts = np.unique(ordered, return_index=True)
        self.ends = np.append(self.starts[1:], len(ordered))
        self.bucket = np.full(1 << bits, -1, dtype=np.int32)
        self.bucket[self.values] = np.arange(len(self.values))

    def colours(self, colour: "Ints") -> "tuple[Ints, Ints]":
        """Return the lowest and the highest colour of each value."""
        import numpy as np

        ordered = colour[self.order]
        return np.minimum.reduceat(ordered, self.starts), np.maximum.reduceat(ordered, self.starts)

    def candidates(self, mask: int, low: "Ints", high: "Ints", at_once: int) -> "Iterator[tuple[Ints, Ints]]":
        """Yield indices whose values differ in exactly the bits of the mask, every pair once, some at a time.

        Args:
            low, high: from `colours`; values of a single colour are skipped, however many indices have them.
            at_once: pairs, or more if a single index has more.
        """
        import numpy as np

        other = self.bucket[self.values ^ mask]
        here = np.flatnonzero(other > np.arange(len(other)) if mask else self.ends - self.starts > 1)
        there = other[here]
        mixed = (low[here] != high[there]) | (low[there] != high[here])
        here, there = here[mixed], there[mixed]
        if not len(here):
            return
        sizes = self.ends[here] - self.starts[here]
        first = _ranges(self.starts[here], sizes)  # positions in `order`, each to be paired with a bucket
        begin = np.repeat(self.starts[there], sizes) if mask else first + 1
        count = np.repeat(self.ends[there], sizes) - begin
        done = np.cumsum(count)
        at = 0
        while at < len(first):
            upto = int(np.searchsorted(done, done[at] - count[at] + at_once, side="right"))
            part = slice(at, max(upto, at + 1))
            yield (
                np.repeat(self.order[first[part]], count[part]),
                self.order[_ranges(begin[part], count[part])],
            )
            at = part.stop


def unite(colour: "Ints", first: "Ints", second: "Ints") -> None:
    """Give both members of every pair, and all others of their colours, the lowest of these colours; in place.

    Args:
        colour: (n,) for every index, the lowest index of its colour.
    """
    import numpy as np

    while len(first):
        low = np.minimum(colour[first], colour[second])
        high = np.maximum(colour[first], colour[second])
        apart = low != high
        first, second = first[apart], second[apart]
        if not len(first):
            return
        np.minimum.at(colour, high[apart], low[apart])
        while True:  # follow every chain that this has made to its end
            root = colour[colour]
            if np.array_equal(root, colour):
                break
            colour[:] = root


def _ranges(begin: "Ints", count: "Ints") -> "Ints":
    """Return `count` numbers from each `begin` on, one range after the other."""
    import numpy as np

    ends = np.cumsum(count)
    total = int(ends[-1]) if len(ends) else 0
    numbers: Ints = np.arange(total) + np.repeat(begin - (ends - count), count)
    return numbers
