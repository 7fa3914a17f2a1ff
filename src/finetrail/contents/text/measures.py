"""What slices may ask of a text, beside its length."""

import unicodedata
from collections import Counter
from typing import Any

from finetrail.contents.text.stored import parts

NO_SCRIPT = "none"
"""Of a text without letters."""


def script(content: Any) -> str:
    """The writing system of most letters of a text, in Unicode's words: latin, cyrillic, cjk, hiragana, ..."""
    letters = (letter for text in parts(content) for letter in text if letter.isalpha())
    counts = Counter(unicodedata.name(letter, NO_SCRIPT).partition(" ")[0].lower() for letter in letters)
    return min(counts, key=lambda name: (-counts[name], name), default=NO_SCRIPT)
