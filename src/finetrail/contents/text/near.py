"""Which texts are the same, or nearly: such texts must never be on both sides of a split.

Near = Jaccard similarity of the two sets of word shingles (runs of `shingle_words` words of the normalised text) at or
above a threshold. Of scripts that are written without spaces, such as Chinese or Thai, each character is a word. The
pairs are found by an exact set-similarity join, not by MinHash: a sketch misses a pair now and
then, and "no near pair crosses splits" would hold only nearly. So whether two texts are near depends on these two
texts alone, not on their order or on other rows.
"""

import sys
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from finetrail.contents.text.stored import parts
from finetrail.data.canonical import canonical
from finetrail.data.near.leakage import Crossing, crossing
from finetrail.data.near.similarity_join import Join
from finetrail.data.words import is_unspaced, pieces

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Near:
    """How near is measured. Attributes: threshold: least Jaccard similarity; 1.0 = the same normalised text only."""

    threshold: float = 0.8
    shingle_words: int = 3


@cache
def _punctuation() -> dict[int, str]:
    """Map every punctuation mark of Unicode, and the ASCII symbols too, to a space."""
    marks = [code for code in range(sys.maxunicode + 1) if unicodedata.category(chr(code)).startswith("P")]
    return dict.fromkeys(marks + [ord(symbol) for symbol in "$+<=>^`|~"], " ")


def normalise(text: str) -> str:
    """Fold case, strip punctuation and collapse white space; a text of punctuation only (":-)") keeps it.

    Starts from the canonical form, so texts that are equal as duplicates are equal here.
    """
    folded = canonical(text).casefold()
    if not folded.isascii():  # folding leaves some accents apart, and joins others only when they are apart
        folded = canonical(unicodedata.normalize("NFD", canonical(text)).casefold())
    return " ".join(folded.translate(_punctuation()).split()) or " ".join(folded.split())


def normalise_all(content: Any, *, symmetric: bool = False) -> str:
    """The normalised texts of a row, one after the other.

    Args:
        symmetric: in an order that does not depend on that of the columns.
    """
    found = [normalise(text) for text in parts(content)]
    # No normalised text holds a line break, so the border between two texts stays one; for shingles it is a word.
    return " \n ".join(sorted(found) if symmetric else found)


def spaced(normalised: str) -> str:
    """A normalised text with a space between any two words; of scripts without spaces between any two characters.

    Marks count as characters, so that one in thirty is as much of a Thai text as of a Chinese one. Only for shingles:
    `hash` splits go by the normalised text, and rows must stay where they are.
    """
    if normalised.isascii():
        return normalised
    found = (piece for word in normalised.split(" ") for piece in pieces(word))
    return " ".join(" ".join(piece) if is_unspaced(piece[0]) else piece for piece in found)


def shingles(normalised: str, shingle_words: int) -> frozenset[str]:
    """Return the runs of `shingle_words` words; a shorter text is its own only shingle."""
    words = spaced(normalised).split(" ")
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
        self._texts, self._near = texts, near
        self._text_of_row = np.array([numbers.setdefault(text, len(numbers)) for text in texts], dtype=np.int64)
        self._join = None
        if near.threshold < 1.0:
            self._join = Join([spaced(text) for text in numbers], near.threshold, near.shingle_words)

    def clusters(self) -> "Ints":
        """Return one number a row: equal for rows of the same text, or joined by a chain of near pairs."""
        return self._text_of_row if self._join is None else self._join.clusters()[self._text_of_row]

    def crossing(self, splits: Sequence[str | None]) -> Crossing | None:
        """Search for the same or near texts in different splits; return one such pair, or None.

        It does not trust `clusters` but compares all candidates across splits again. It skips rows of split None.
        """
        pair = crossing(self._text_of_row, splits, None if self._join is None else self._join.crossing)
        return None if pair is None else Crossing(*pair, self.similarity(*pair))

    def similarity(self, first: int, second: int) -> float:
        """Return the Jaccard similarity of the texts of two rows."""
        return similarity(self._texts[first], self._texts[second], self._near.shingle_words)

    def relation(self, first: int, second: int) -> str:
        """How the texts of two rows of a cluster relate, as in "near to"."""
        if self._texts[first] == self._texts[second]:
            return "the same text as"
        near = self.similarity(first, second) >= self._near.threshold
        return "near to" if near else "joined by a chain of near rows to"

    def say(self, similarity: float) -> str:
        """The similarity in words."""
        return f"Jaccard {similarity:.3f}"
