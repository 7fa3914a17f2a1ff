"""The words of a text: the units of every label on part of a text.

Words depend on the text alone, so they are the same in training, evaluation and serving.
"""

import re
import sys
import unicodedata
from functools import cache

from finetrail.data.canonical import character_class

# Chinese characters and kana are written without spaces: a run of them is not a word. Planes 2 and 3 hold nothing else.
_CJK = (
    "\u3005-\u3007\u3021-\u3029\u3038-\u303b\u3041-\u3096\u309d-\u309f\u30a1-\u30fa\u30fc-\u30ff\u31f0-\u31ff"
    "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\uff66-\uff9d\U0001aff0-\U0001b16f\U00020000-\U0003fffd"
)
_IS_CJK = re.compile(f"[{_CJK}]")
# So are Thai, Lao, Burmese, Khmer, Tai Le, Tai Lue and Tai Tham, whose words only a dictionary tells apart.
_UNSPACED = _CJK + "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u1950-\u19df\u1a20-\u1aaf\ua9e0-\ua9ff\uaa60-\uaa7f"
_IS_UNSPACED = re.compile(f"[{_UNSPACED}]")
_REGIONAL = "\U0001f1e6-\U0001f1ff"
_JOINER, _ZERO_WIDTH_SPACE = "\u200d", "\u200b"
# Emoji modifiers are symbols, half-width voicing marks are letters; both alter the character before them.
_MORE_MARKS = "\U0001f3fb-\U0001f3ff\uff9e\uff9f"


def words(text: str) -> list[tuple[int, int]]:
    r"""Divide a text into words, which together cover exactly its characters that are not white space.

    A word is a run of letters, digits and `_`; or one Chinese character or kana; or one other character, such as a
    punctuation mark. Marks (Mn, Mc, Me) and invisible characters (Cf) belong to the word before them and do not end a
    run, except for the zero-width space. An emoji sequence is one word, and so is a flag. Hangul is written with
    spaces, so its runs are words. Runs of Thai, Lao, Khmer and Burmese are not divided.

    Returns:
        (start, end) of each word in order: half-open, as indices of the str.
    """
    return [match.span() for match in _pattern().finditer(text)]


def is_cjk(character: str) -> bool:
    """Whether a character is Chinese or kana, which are written without spaces."""
    return _IS_CJK.match(character) is not None


def pieces(text: str) -> list[str]:
    """Divide a text at its white space, and scripts that are written without it into single characters.

    Returns:
        The pieces in order: runs without white space, among them each white space of its own; and each Chinese
        character, kana, or Thai, Lao, Khmer or Burmese letter with its marks. Joined they are the text.
    """
    return _pieces().findall(text)


def is_unspaced(character: str) -> bool:
    """Whether a character is of a script that is written without spaces; see `pieces`."""
    return _IS_UNSPACED.match(character) is not None


@cache
def _pieces() -> re.Pattern[str]:
    return re.compile(rf"[{_UNSPACED}][{_MORE_MARKS}{_marks()}]*|[^\s{_UNSPACED}]+|\s+")


@cache
def _pattern() -> re.Pattern[str]:
    marks = _MORE_MARKS + _marks()
    # A zero-width space marks where a word ends in scripts without spaces: it belongs to the word and ends the run.
    after = f"[{marks}{_ZERO_WIDTH_SPACE}]*"
    letter = rf"[^\W{_CJK}\uff9e\uff9f]"
    run = rf"{letter}+(?:[{marks}]+{letter}*)*{after}"
    flag = rf"[{_REGIONAL}]{{2}}{after}"
    # A joiner binds the next symbol, as in a family emoji; a letter begins its own word.
    other = rf"\S{after}(?:(?<={_JOINER})[^\w\s]{after})*"
    return re.compile(f"{run}|{flag}|{other}")


def _marks() -> str:
    """A character class of every mark and invisible character, except for the zero-width space."""
    codes = [
        code
        for code in range(sys.maxunicode + 1)
        if unicodedata.category(chr(code)) in {"Mn", "Mc", "Me", "Cf"} and chr(code) != _ZERO_WIDTH_SPACE
    ]
    return character_class(codes)
