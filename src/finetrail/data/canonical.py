"""The one form in which texts are compared, what counts as missing, and when two names are spellings of one.

Texts are stored, and read by models, exactly as their source has them. Only comparisons use the canonical form:
duplicates, conflicts, near duplicates, groups and spellings of class names.
"""

import re
import sys
import unicodedata
from collections.abc import Iterable
from functools import cache
from typing import Any

# Format characters (Cf) that are seen: signs that stand under or around the digits that follow.
_SEEN = frozenset("\u0600\u0601\u0602\u0603\u0604\u0605\u06dd\u070f\u0890\u0891\u08e2\U000110bd\U000110cd")
# Fillers, variation selectors and joiners that Unicode counts as letters and marks: they alter glyphs, never words.
_FILLERS = (0x034F, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x180B, 0x180C, 0x180D, 0x180F, 0x3164, 0xFFA0)
_SELECTORS = (*range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0))
_BLANK = "\u2800"  # the Braille pattern without dots: a space that Unicode counts as a symbol
# The flags of England, Scotland and Wales differ in invisible tags alone.
_FLAG = "\U0001f3f4[\U000e0020-\U000e007e]+\U000e007f"


def canonical(text: str) -> str:
    """The form in which texts are compared: equal for texts that look the same.

    Drops invisible characters, composes letters and accents (NFC), turns each run of white space into one space, and
    strips both ends. Case, punctuation and compatibility forms such as "²" or full-width letters stay.
    """
    if not text.isascii():
        text = unicodedata.normalize("NFC", _invisible().sub(lambda found: found[1] or "", text).replace(_BLANK, " "))
    elif not text.isprintable():
        text = _invisible().sub("", text)
    return " ".join(text.split())


def is_blank(text: str) -> bool:
    """Whether a text holds nothing to be seen: only white space and invisible characters, or no character at all."""
    return not text or text.isspace() or not canonical(text)


def is_missing(value: Any) -> bool:
    """Whether a value is missing, wherever it comes from: None, NaN, NaT, `pandas.NA`, or a text that is blank."""
    if value is None:
        return True
    if isinstance(value, str):
        return is_blank(value)
    if hasattr(value, "__len__"):  # lists, mappings, arrays and bytes hold something else, if anything
        return False
    try:
        return bool(value != value)  # noqa: PLR0124 (NaN and NaT alone differ from themselves)
    except (TypeError, ValueError, ArithmeticError):
        # pandas.NA does not say whether it differs, and a signalling NaN of `decimal` refuses to.
        return type(value).__name__ in ("NAType", "Decimal")


def folded(name: str) -> str:
    """What the spellings of one name share: the canonical form in lower case."""
    return unicodedata.normalize("NFC", canonical(name).lower())


def shown(name: str) -> str:
    """A name in a message, so that two spellings of it look different."""
    return repr(name) if unicodedata.is_normalized("NFC", name) else ascii(name)


def character_class(codes: Iterable[int]) -> str:
    """The characters of these codes, for use between the brackets of a regular expression."""
    known = sorted(set(codes))
    starts = [code for code, before in zip(known, [-2, *known], strict=False) if code != before + 1]
    ends = [code for code, after in zip(known, [*known[1:], -2], strict=True) if after != code + 1]
    return "".join(f"{re.escape(chr(start))}-{re.escape(chr(end))}" for start, end in zip(starts, ends, strict=True))


@cache
def _invisible() -> re.Pattern[str]:
    """Matches an invisible character; or, as its group, a flag whose tags stay."""
    codes = [code for code in range(sys.maxunicode + 1) if _is_invisible(chr(code))]
    return re.compile(f"({_FLAG})|[{character_class([*codes, *_FILLERS, *_SELECTORS])}]")


def _is_invisible(character: str) -> bool:
    category = unicodedata.category(character)
    return (category == "Cf" and character not in _SEEN) or (category == "Cc" and not character.isspace())
