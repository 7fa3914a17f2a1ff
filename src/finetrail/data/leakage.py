"""Which texts are the same, or nearly: what must never stand on both sides of a split.

Near = Jaccard similarity of the two sets of word shingles (runs of `shingle_words` words of the normalised text) at or
above a threshold. The pairs are found by an exact set-similarity join, not by MinHash: a sketch misses a pair now and
then, and "no near pair crosses splits" would hold only nearly. So whether two texts are near depends on these two
texts alone, not on their order or on other rows.

Method: prefix filtering (Chaudhuri, Ganti & Kaushik 2006; Bayardo, Ma & Srikant 2007) with a positional filter (Xiao,
Wang, Lin & Yu, "Efficient similarity joins for near duplicate detection", 2008). Sort every set by rarity of its
shingles: two sets of Jaccard >= t share a shingle among those of each that still have t|s| from there on. In prose these
are shingles that occur in one text only, so almost nothing is compared.
"""

import sys
import unicodedata
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import chain, count
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Ints = NDArray[np.int64]

SLACK = 1e-9  # for the bounds, which are computed in another order than the similarity and may round differently


@dataclass(frozen=True)
class Near:
    """How near is measured. Attributes: threshold: least Jaccard similarity; 1.0 = the same normalised text only."""

    threshold: float = 0.8
    shingle_words: int = 3


@dataclass(frozen=True)
class Crossing:
    """Two rows in different splits whose texts are the same or near."""

    first: int
    second: int
    similarity: float


@cache
def _punctuation() -> dict[int, str]:
    """Every punctuation mark of Unicode, and the ASCII symbols beside them, to a space."""
    marks = [code for code in range(sys.maxunicode + 1) if unicodedata.category(chr(code)).startswith("P")]
    return dict.fromkeys(marks + [ord(symbol) for symbol in "$+<=>^`|~"], " ")


def normalise(text: str) -> str:
    """Fold case, strip punctuation and collapse white space; a text of punctuation only (":-)") keeps it."""
    folded = text.casefold()
    return " ".join(folded.translate(_punctuation()).split()) or " ".join(folded.split())


def shingles(normalised: str, shingle_words: int) -> frozenset[str]:
    """Return the runs of `shingle_words` words; of a shorter text, the whole text as its only shingle."""
    words = normalised.split(" ")
    if len(words) < shingle_words:
        return frozenset([normalised])
    return frozenset(" ".join(words[i : i + shingle_words]) for i in range(len(words) - shingle_words + 1))


def similarity(first: str, second: str, shingle_words: int) -> float:
    """Return the Jaccard similarity of two normalised texts: the definition that `Texts` follows."""
    a, b = shingles(first, shingle_words), shingles(second, shingle_words)
    return len(a & b) / len(a | b)


class Texts:
    """The texts of all rows, and which of them are the same or near: build once, then ask."""

    def __init__(self, texts: Sequence[str], near: Near) -> None:
        """Args: texts: one normalised text a row."""
        import numpy as np

        numbers: dict[str, int] = {}
        self._text_of_row = np.array([numbers.setdefault(text, len(numbers)) for text in texts], dtype=np.int64)
        self._texts = len(numbers)
        self._join = _Join(list(numbers), near) if near.threshold < 1.0 else None

    def clusters(self) -> "Ints":
        """Return one number a row: equal for rows of the same text, or joined by a chain of near pairs."""
        return self._text_of_row if self._join is None else self._join.clusters()[self._text_of_row]

    def crossing(self, splits: Sequence[str | None]) -> Crossing | None:
        """Search for the same or near texts in different splits; return one such pair, or None.

        It does not trust `clusters`, but compares all candidates across splits again. A row of split None is left out.
        """
        import numpy as np

        names = sorted({split for split in splits if split is not None})
        side, row_of = np.full(self._texts, -1), np.zeros(self._texts, dtype=np.int64)
        for row, (text, split) in enumerate(zip(self._text_of_row.tolist(), splits, strict=True)):
            if split is None:
                continue
            if side[text] == -1:
                side[text], row_of[text] = names.index(split), row
            elif names[side[text]] != split:
                return Crossing(int(row_of[text]), row, 1.0)
        pair = self._join.crossing(side) if self._join else None
        return None if pair is None else Crossing(int(row_of[pair[0]]), int(row_of[pair[1]]), pair[2])


class _Join:
    """The sets of shingles of distinct texts as flat arrays, and the lookups that find every near pair.

    A text shorter than one shingle is near to no other text, and has no tokens here.
    """

    def __init__(self, texts: Sequence[str], near: Near) -> None:
        import numpy as np

        self.threshold = near.threshold
        owner, token, self.sizes = _shingle_numbers(texts, near.shingle_words)
        frequency = np.bincount(token)
        shared = frequency[token] > 1  # a shingle of one text alone counts in its size, and can match nothing
        owner, token = owner[shared], token[shared]
        order = np.lexsort((token, frequency[token], owner))
        owner, self.tokens = owner[order], token[order]
        self.starts = np.searchsorted(owner, np.arange(len(texts) + 1))
        self.marks = np.zeros(len(frequency), dtype=bool)  # scratch of `jaccard`

        left = self.starts[owner + 1] - np.arange(len(owner))  # shingles of the set from this one on
        prefix = np.flatnonzero(left >= self.threshold * self.sizes[owner] - SLACK)
        prefix = prefix[np.lexsort((self.sizes[owner[prefix]], self.tokens[prefix]))]
        self.owner, self.token, self.left = owner[prefix], self.tokens[prefix], left[prefix]

    def candidates(self, colour: "Ints") -> Iterator[tuple[int, "Ints"]]:
        """Yield each set with the sets of other colours that may be near to it: every pair is yielded once.

        A near pair has t/(1+t) of the two sizes in common. At the first shingle that two sets share, no more than what
        is left of either can be in common, which rules out most pairs before they are compared.

        Args:
            colour: one number a set; two sets of one colour are no pair, and a negative colour takes a set out. The
                caller may unite colours while it goes on.
        """
        import numpy as np

        use = np.flatnonzero(colour[self.owner] >= 0)
        use = use[np.lexsort((colour[self.owner[use]], self.token[use]))]
        owner, left = self.owner[use], self.left[use]
        share = self.threshold / (1 + self.threshold)
        enough = share * self.sizes[owner] - SLACK
        # Entries of one shingle lie side by side, in runs of one colour; a set skips the run of its own in one step,
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
        """Return one number a text; two texts have the same if a chain of near pairs joins them."""
        import numpy as np

        colour = np.arange(len(self.sizes))
        members = {i: [i] for i in range(len(self.sizes))}

        def unite(number: int, others: "Ints") -> None:
            for other in others[self.jaccard(number, others) >= self.threshold].tolist():
                small, big = sorted((int(colour[number]), int(colour[other])), key=lambda c: len(members[c]))
                if small != big:
                    colour[members[small]] = big
                    members[big] += members.pop(small)

        # First each set with the one before it in its lists only: that unites most of a boilerplate at little cost.
        beside = np.flatnonzero(np.diff(self.token, prepend=-1) == 0)
        neighbours = np.unique(np.column_stack([self.owner[beside], self.owner[beside - 1]]), axis=0)
        steps = np.searchsorted(neighbours[:, 0], np.arange(len(self.sizes) + 1))
        for number in np.flatnonzero(np.diff(steps)).tolist():
            unite(number, neighbours[steps[number] : steps[number + 1], 1])
        for number, others in self.candidates(colour):
            step = 16  # a few at a time, as the first few may settle it for all the rest
            while len(others):
                unite(number, others[-step:])
                others = others[:-step]
                others = others[colour[others] != colour[number]]
                step *= 4
        return colour

    def crossing(self, side: "Ints") -> tuple[int, int, float] | None:
        """Return a near pair of texts on different sides, with its similarity; None if there is none."""
        for number, others in self.candidates(side):
            similar = self.jaccard(number, others)
            best = int(similar.argmax())
            if similar[best] >= self.threshold:
                return number, int(others[best]), float(similar[best])
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
    for k in range(1, shingle_words):  # exact numbers, no hashes: a run of k+1 words is a run of k words and a word
        if highest * len(numbers) >= 2**63:
            token = np.unique(token, return_inverse=True)[1]
            highest = len(token)
        token, highest = token * len(numbers) + words[first + k], highest * len(numbers)

    # Most shingles of prose occur once. Counting hashes finds nearly all of these, and spares them the sort below.
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
