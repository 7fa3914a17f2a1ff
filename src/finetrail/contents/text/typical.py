"""The words that set some texts apart from others."""

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from typing import Any

from finetrail.contents.text.stored import parts
from finetrail.data.words import is_cjk, words

MOST = 6
"""Words that are named."""


def typical_words(contents: Iterable[Any], rows: Sequence[bool]) -> list[str]:
    """The words that most set some texts apart from the others; at most `MOST`.

    Of Chinese and kana, which are written without spaces, each two neighbours count as a word: one alone says little.
    Ranked by the log odds of a text to have the word, in standard errors (Monroe et al. 2008, without a prior).
    """
    counts = [Counter[str](), Counter[str]()]
    for content, inside in zip(contents, rows, strict=True):
        said = {word for text in parts(content) for word in _words(text.casefold())}
        counts[inside].update(said)
    outside, inside_ = counts
    n, m = sum(rows), len(rows) - sum(rows)

    def apart(word: str) -> float:
        a, b, c, d = (cell + 0.5 for cell in (inside_[word], n - inside_[word], outside[word], m - outside[word]))
        return math.log(a * d / (b * c)) / math.sqrt(1 / a + 1 / b + 1 / c + 1 / d)

    ranked = sorted((word for word in inside_ if any(map(str.isalpha, word))), key=lambda word: (-apart(word), word))
    return [word for word in ranked[:MOST] if apart(word) > 0]


def _words(text: str) -> Iterator[str]:
    """The words of a text; of Chinese and kana each two neighbours, or one that has none."""
    places = words(text)
    beside = [False, *(_are_neighbours(text, one, other) for one, other in pairwise(places)), False]
    for number, (start, end) in enumerate(places):
        if beside[number + 1]:
            yield text[start : places[number + 1][1]]
        elif not beside[number]:
            yield text[start:end]


def _are_neighbours(text: str, one: tuple[int, int], other: tuple[int, int]) -> bool:
    return one[1] == other[0] and is_cjk(text[one[0]]) and is_cjk(text[other[0]])
