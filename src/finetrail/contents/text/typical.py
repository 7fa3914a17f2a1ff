"""The words that set some texts apart from others."""

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from finetrail.contents.text.stored import parts
from finetrail.data.words import words

MOST = 6
"""Words that are named."""


def typical_words(contents: Iterable[Any], rows: Sequence[bool]) -> list[str]:
    """The words that most set some texts apart from the others; at most `MOST`.

    Ranked by the log odds of a text to have the word, in standard errors (Monroe et al. 2008, without a prior).
    """
    counts = [Counter[str](), Counter[str]()]
    for content, inside in zip(contents, rows, strict=True):
        said = {text[start:end].casefold() for text in parts(content) for start, end in words(text)}
        counts[inside].update(said)
    outside, inside_ = counts
    n, m = sum(rows), len(rows) - sum(rows)

    def apart(word: str) -> float:
        a, b, c, d = (cell + 0.5 for cell in (inside_[word], n - inside_[word], outside[word], m - outside[word]))
        return math.log(a * d / (b * c)) / math.sqrt(1 / a + 1 / b + 1 / c + 1 / d)

    ranked = sorted((word for word in inside_ if any(map(str.isalpha, word))), key=lambda word: (-apart(word), word))
    return [word for word in ranked[:MOST] if apart(word) > 0]
