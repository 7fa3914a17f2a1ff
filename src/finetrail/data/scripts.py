"""The writing system of a text, and which of them are written without spaces."""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable
from functools import cache

NO_SCRIPT = "none"
"""Of a text without letters."""
KANA = frozenset({"hiragana", "katakana"})
WITHOUT_SPACES = KANA | {"cjk", "thai", "lao", "khmer", "myanmar"}
"""Scripts that put no space between words."""


def script(text: str) -> str:
    """The writing system of most letters of a text, in Unicode's words: latin, cyrillic, cjk, hiragana, ..."""
    return most_common(letters_of([text]))


def letters_of(texts: Iterable[str]) -> Counter[str]:
    """How many letters of each writing system there are."""
    found: Counter[str] = Counter()
    for text in texts:
        for character, times in Counter(text).items():
            if character.isalpha():
                found[script_of(character)] += times
    return found


def most_common(letters: Counter[str]) -> str:
    """The writing system of most letters; of equally many the first by name."""
    return min(letters, key=lambda name: (-letters[name], name), default=NO_SCRIPT)


@cache
def script_of(letter: str) -> str:
    """That of a letter, from its name; the width of a letter is no script, nor is a sign of both kana."""
    name = unicodedata.name(letter, NO_SCRIPT).removeprefix("FULLWIDTH ").removeprefix("HALFWIDTH ")
    return re.split("[ -]", name)[0].lower()
