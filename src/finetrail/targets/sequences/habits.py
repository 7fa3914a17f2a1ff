"""Habits of models that write: answers that go round in circles, and answers that refuse."""

import re
from collections.abc import Mapping
from functools import cache

from finetrail.data.canonical import canonical
from finetrail.data.words import pieces, words

LEAST, TIMES = 2, 3
"""The fewest words of a phrase that makes a loop, and how often it is said at least."""
REFUSALS: Mapping[str, tuple[str, ...]] = {
    "en": (
        *("i cannot", "i can't", "i can not", "i am unable", "i'm unable", "i am not able", "i'm not able"),
        *("i won't", "i am sorry", "i'm sorry", "sorry", "i apologize", "my apologies", "as an ai"),
    ),
    "de": (
        *("ich kann nicht", "ich kann das nicht", "ich kann dir nicht", "ich kann ihnen nicht", "leider kann ich"),
        *("es tut mir leid", "tut mir leid", "entschuldigung"),
    ),
    "fr": ("je ne peux pas", "je suis d\u00e9sol\u00e9", "d\u00e9sol\u00e9", "je m'excuse"),
    "es": ("no puedo", "lo siento", "lo lamento"),
    "it": ("non posso", "mi dispiace"),
    "pt": ("n\u00e3o posso", "desculpe", "sinto muito"),
    "zh": ("\u62b1\u6b49", "\u5f88\u62b1\u6b49", "\u5bf9\u4e0d\u8d77", "\u6211\u65e0\u6cd5", "\u6211\u4e0d\u80fd"),
    "ja": ("\u7533\u3057\u8a33", "\u3059\u307f\u307e\u305b\u3093", "\u6b8b\u5ff5\u306a\u304c\u3089"),
}
"""What answers that refuse begin with, by language, in lower case."""


def loops(text: str) -> bool:
    """Whether a text ends in a phrase of two words or more that is said three times or more, without a break.

    As Holtzman et al., The Curious Case of Neural Text Degeneration (2020) count repetition; a character is a word
    where words have no spaces between them, and so is a punctuation mark.
    """
    line = canonical(text).lower()
    found = [part for start, end in words(line) for part in pieces(line[start:end])]
    for size in range(LEAST, len(found) // TIMES + 1):
        if all(found[-size * (n + 1) : len(found) - size * n] == found[-size:] for n in range(1, TIMES)):
            return True
    return False


def refuses(text: str, pattern: str | None = None) -> bool:
    """Whether a text refuses to answer.

    Args:
        pattern: a regular expression that is sought in it; None: whether it begins with one of `REFUSALS`.
    """
    if pattern is not None:
        return re.search(pattern, text) is not None
    return _begins().match(canonical(text).lower().replace("\u2019", "'")) is not None


@cache
def _begins() -> re.Pattern[str]:
    known = {begin for of_language in REFUSALS.values() for begin in of_language}
    # Where words have spaces between them, a whole word has to end here.
    return re.compile(
        "|".join(re.escape(one) + (r"\b" if one.isascii() or one[-1] < "\u0250" else "") for one in known)
    )
