"""What slices may ask of a text, beside its length."""

import re
import unicodedata
from collections import Counter
from typing import Any

from finetrail.contents.text.stored import parts

NO_SCRIPT = "none"
"""Of a text without letters."""


def script(content: Any) -> str:
    """The writing system of most letters of a text, in Unicode's words: latin, cyrillic, cjk, hiragana, ..."""
    letters = (letter for text in parts(content) for letter in text if letter.isalpha())
    counts = Counter(map(_script, letters))
    return min(counts, key=lambda name: (-counts[name], name), default=NO_SCRIPT)


def _script(letter: str) -> str:
    """That of a letter, from its name; the width of a letter is no script, nor is a sign of both kana."""
    name = unicodedata.name(letter, NO_SCRIPT).removeprefix("FULLWIDTH ").removeprefix("HALFWIDTH ")
    return re.split("[ -]", name)[0].lower()
