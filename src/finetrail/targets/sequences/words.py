"""The words that metrics count in answers and references, in any script."""

from collections.abc import Sequence

from finetrail.data.canonical import canonical
from finetrail.data.scripts import KANA, WITHOUT_SPACES, letters_of, most_common
from finetrail.data.words import pieces, words

LOOKED_AT = 1_000
"""Texts that decide on a tokenizer."""
_SOME = 0.05  # the share of kana that makes Han characters Japanese: Chinese texts hold next to none


def tokenizer_for(texts: Sequence[str]) -> str:
    """SacreBLEU's tokenizer for texts of one language: by character where its words have no spaces between them."""
    letters = letters_of(texts[:: max(1, len(texts) // LOOKED_AT)])
    kana = sum(letters[name] for name in KANA)
    if kana > _SOME * letters.total():
        return "char"
    found = most_common(letters)
    if found == "cjk":
        return "zh"
    return "char" if found in WITHOUT_SPACES else "13a"


def counted_words(text: str) -> list[str]:
    """The words that ROUGE counts: runs of letters and digits in lower case, without punctuation.

    Of scripts without spaces, each character with its marks is a word. Texts of ASCII get the words of Google's
    rouge-score without stemming.
    """
    line = canonical(text).lower().replace("_", " ")
    return [part for start, end in words(line) for part in pieces(line[start:end]) if part[0].isalnum()]
