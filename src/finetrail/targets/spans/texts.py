"""Answers as they are compared: by words as SQuAD's scripts do, or by character where words are not separated.

SQuAD: https://rajpurkar.github.io/SQuAD-explorer (Rajpurkar et al. 2016, 2018). CMRC 2018 (Cui et al. 2019) counts
Chinese characters instead of words, and their longest common run.
"""

import re
import string
import unicodedata
from collections import Counter
from collections.abc import Sequence
from functools import lru_cache

from finetrail.data.words import is_unspaced, pieces

_ARTICLES = re.compile(r"\b(a|an|the)\b")
_ASCII_MARKS = str.maketrans("", "", string.punctuation)


def words_of(text: str) -> list[str]:
    """The words of an answer as SQuAD compares them: lower case, without ASCII punctuation and English articles."""
    return _ARTICLES.sub(" ", text.lower().translate(_ASCII_MARKS)).split()


def characters_of(text: str) -> list[str]:
    """The characters of an answer in lower case; of other scripts the words; no punctuation."""
    found = pieces("".join(one for one in text.lower() if not _is_mark(one)))
    return [part for one in found if not one.isspace() for part in (list(one) if is_unspaced(one[0]) else [one])]


def segments_of(text: str) -> list[str]:
    """The words of an answer, or its characters where words are not separated."""
    return characters_of(text) if _has_unspaced(text) else words_of(text)


def score(text: str, gold: Sequence[str]) -> tuple[float, float]:
    """Exact match and F1 of an answer (an empty one is none), each the best over the gold answers.

    A gold answer of punctuation and articles alone is left out; without any, none is right.
    """
    by_character = any(_has_unspaced(one) for one in (text, *gold))
    segments = characters_of if by_character else words_of
    answers = [found for found in map(segments, gold) if found] or [[]]
    said = segments(text)
    shared = _longest_run if by_character else _common
    return max(float(one == said) for one in answers), max(_f1(one, said, shared(one, said)) for one in answers)


def _f1(gold: Sequence[str], said: Sequence[str], shared: int) -> float:
    if not gold or not said:
        return float(gold == said)
    return 2 * shared / (len(gold) + len(said))


def _common(one: Sequence[str], other: Sequence[str]) -> int:
    """How many words two answers share, in any order."""
    return (Counter(one) & Counter(other)).total()


def _longest_run(one: Sequence[str], other: Sequence[str]) -> int:
    """The most segments that stand one after the other in both."""
    best, before = 0, [0] * (len(other) + 1)
    for segment in one:
        row = [0]
        for place, compared in enumerate(other):
            row.append(before[place] + 1 if segment == compared else 0)
        best, before = max(best, *row), row
    return best


@lru_cache(maxsize=65_536)
def _has_unspaced(text: str) -> bool:
    return not text.isascii() and any(map(is_unspaced, text))


@lru_cache(maxsize=65_536)
def _is_mark(character: str) -> bool:
    return character in string.punctuation or unicodedata.category(character).startswith("P")
