"""Every pair of texts with at least a given Jaccard similarity of word shingles: an exact set-similarity join.

Method: prefix filtering (Chaudhuri, Ganti & Kaushik 2006; Bayardo, Ma & Srikant 2007) with a positional filter (Xiao,
Wang, Lin & Yu, "Efficient similarity joins for near duplicate detection", 2008). Sort every set by the rarity of its
shingles. Two sets of Jaccard >= t share a shingle in their prefixes: the shingles of a set s with at least t|s| of them
from there on. In prose these occur in one text only, so almost nothing is compared.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import chain, count
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Ints = NDArray[np.int64]

SLACK = 1e-9  # for the bounds, which are computed in a different order from the similarity and may round differently


class Join:
    """The shingle sets of distinct texts as flat arrays, and the lookups that find every near pair.

    A text shorter than one shingle is near to no other text, and has no tokens here.

    Args:
        texts: distinct normalised texts; a set is identified by its index among them.
    """

    def __init__(self, texts: Sequence[str], threshold: float, shingle_words: int) -> None:
        import numpy as np

        self.threshold = threshold
        owner, token, self.sizes = _shingle_numbers(texts, shingle_words)
        frequency = np.bincount(token)
        shared = frequency[token] > 1  # a shingle of one text alone counts towards its size, and can match nothing
        owner, token = owner[shared], token[shared]
        order = np.lexsort((token, frequency[token], owner))
        owner, self.tokens = owner[order], token[order]
        self.starts = np.searchsorted(owner, np.arange(len(texts) + 1))
        self.marks = np.zeros(len(frequency), dtype=bool)  # scratch space of `jaccard`

        left = self.starts[owner + 1] - np.arange(len(owner))  # shingles of the set from this one on
        prefix = np.flatnonzero(left >= self.threshold * self.sizes[owner] - SLACK)
        prefix = prefix[np.lexsort((self.sizes[owner[prefix]], self.tokens[prefix]))]
        self.owner, self.token, self.left = owner[prefix], self.tokens[prefix], left[prefix]

    def candidates(self, colour: "Ints") -> Iterator[tuple[int, "Ints"]]:
        """Yield each set with the sets of other colours that may be near to it, every pair once.

        A near pair has t/(1+t) of the two sizes in common. From the first shingle that two sets share, they have no
        more in common than what is left of either, which rules out most pairs before they are compared.

        Args:
            colour: one number per set; two sets of one colour are not a pair, and a negative colour excludes a set. The
                caller may unite colours while iterating.
        """
        import numpy as np

        use = np.flatnonzero(colour[self.owner] >= 0)
        use = use[np.lexsort((colour[self.owner[use]], self.token[use]))]
        owner, left = self.owner[use], self.left[use]
        share = self.threshold / (1 + self.threshold)
        enough = share * self.sizes[owner] - SLACK
        # Entries of one shingle are adjacent, in runs of one colour. A set skips the run of its own colour in one step,
        # so thousands of texts of one boilerplate cost no more than other texts once they are known to be one cluster.
        colours = int(colour.max(initial=0)) + 1
        token, run = self.token[use], self.token[use] * colours + colour[owner]
        bounds = [
            np.searchsorted(token, token),
            np.searchsorted(run, run),
            np.searchsorted(run, run, side="right"),
            np.searchsorted(token, token, side="right"),
        ]
        entries = np.flatnonzero(bounds[3] - bounds[0] > bounds[2] - bounds[1])
        entries = entries[np.argsort(owner[entries], kind="stable")]
        lookups = np.column_stack([entries, *[bound[entries] for bound in bounds]])
        steps = np.searchsorted(owner[entries], np.arange(len(self.sizes) + 1))
        found = np.zeros(len(self.sizes), dtype=bool)
        for number in np.flatnonzero(np.diff(steps)).tolist():
            least = share * float(self.sizes[number])
            for entry, *places in lookups[steps[number] : steps[number + 1]].tolist():
                for begin, end in (places[:2], places[2:]):
                    slack = np.minimum(left[begin:end], left[entry]) - enough[begin:end]
                    found[owner[begin:end][slack >= least]] = True
            others = np.flatnonzero(found[:number])
            found[:] = False
            others = others[colour[others] != colour[number]]
            if len(others):
                yield number, others

    def jaccard(self, number: int, others: "Ints") -> "NDArray[np.float64]":
        """Return the exact similarity of one set to others that share a shingle with it."""
        import numpy as np

        lengths = self.starts[others + 1] - self.starts[others]
        ends = np.cumsum(lengths)
        flat = np.arange(ends[-1]) + np.repeat(self.starts[others] - (ends - lengths), lengths)
        own = self.tokens[self.starts[number] : self.starts[number + 1]]
        self.marks[own] = True
        common = np.add.reduceat(self.marks[self.tokens[flat]], ends - lengths, dtype=np.int64)
        self.marks[own] = False
        similar: NDArray[np.float64] = common / (self.sizes[number] + self.sizes[others] - common)
        return similar

    def clusters(self) -> "Ints":
        """Return one number per text; two texts have the same one if a chain of near pairs joins them."""
        import numpy as np

        colour = np.arange(len(self.sizes))
        members = {i: [i] for i in range(len(self.sizes))}

        def unite(number: int, others: "Ints") -> None:
            for other in others[self.jaccard(number, others) >= self.threshold].tolist():
                small, big = sorted((int(colour[number]), int(colour[other])), key=lambda c: len(members[c]))
                if small != big:
                    colour[members[small]] = big
                    members[big] += members.pop(small)

        # First compare each set only with the one before it in its lists: that unites most of a boilerplate cheaply.
        beside = np.flatnonzero(np.diff(self.token, prepend=-1) == 0)
        neighbours = np.unique(np.column_stack([self.owner[beside], self.owner[beside - 1]]), axis=0)
        steps = np.searchsorted(neighbours[:, 0], np.arange(len(self.sizes) + 1))
        for number in np.flatnonzero(np.diff(steps)).tolist():
            unite(number, neighbours[steps[number] : steps[number + 1], 1])
        for number, others in self.candidates(colour):
            step, rest = 16, others  # a few at a time, as the first few may settle it for all the rest
            while len(rest):
                unite(number, rest[-step:])
                rest = rest[:-step]
                rest = rest[colour[rest] != colour[number]]
                step *= 4
        return colour

    def crossing(self, side: "Ints") -> tuple[int, int] | None:
        """Return a near pair of texts on different sides; None if there is none."""
        for number, others in self.candidates(side):
            similar = self.jaccard(number, others)
            best = int(similar.argmax())
            if similar[best] >= self.threshold:
                return number, int(others[best])
        return None


def _shingle_numbers(texts: Sequence[str], shingle_words: int) -> tuple["Ints", "Ints", "Ints"]:
    """Return the shingles that occur more than once, as numbers, and the size of each text's whole set.

    Returns:
        (text, shingle, sizes): the first two (n,) without repeats, the third (texts,).
    """
    import numpy as np

    numbers: defaultdict[str, int] = defaultdict(count().__next__)
    lengths = np.array([text.count(" ") + 1 for text in texts], dtype=np.int64)
    stream = map(numbers.__getitem__, chain.from_iterable(text.split(" ") for text in texts))
    words = np.fromiter(stream, dtype=np.int64, count=int(lengths.sum()))
    runs = np.maximum(lengths - shingle_words + 1, 0)
    owner = np.repeat(np.arange(len(texts)), runs)
    first = np.arange(len(owner)) + np.repeat(np.cumsum(lengths) - lengths - (np.cumsum(runs) - runs), runs)
    token, highest = words[first], len(numbers)
    for k in range(1, shingle_words):  # exact numbers, not hashes: a run of k+1 words is one of k words and a word
        if highest * len(numbers) >= 2**63:
            token = np.unique(token, return_inverse=True)[1]
            highest = len(token)
        token, highest = token * len(numbers) + words[first + k], highest * len(numbers)

    # Most shingles in prose occur once. Counting hashes finds nearly all of them, and saves sorting them below.
    bits = max(10, len(token).bit_length() + 1)
    slot = (token.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15)) >> np.uint64(64 - bits)
    repeated = np.bincount(slot.view(np.int64), minlength=2**bits)[slot.view(np.int64)] > 1
    sizes = np.bincount(owner[~repeated], minlength=len(texts))
    owner, token = owner[repeated], token[repeated]
    order = np.argsort(token, kind="stable")
    owner, token = owner[order], token[order]
    new = np.diff(token, prepend=-1) != 0
    kept = new | (np.diff(owner, prepend=-1) != 0)
    owner, token = owner[kept], np.cumsum(new)[kept] - 1
    return owner, token, sizes + np.bincount(owner, minlength=len(texts))
