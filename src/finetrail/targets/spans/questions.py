"""Questions by their question word."""

import re

OTHER = "other"
_WORDS = {
    "why": "why \u4e3a\u4ec0\u4e48 \u70ba\u4ec0\u9ebc \u4e3a\u4f55 \u70ba\u4f55 \u306a\u305c \u3069\u3046\u3057\u3066",
    "who": "who whom whose \u8c01 \u8ab0",
    "when": "when \u4ec0\u4e48\u65f6\u5019 \u4ec0\u9ebc\u6642\u5019 \u4f55\u65f6 \u4f55\u6642 \u3044\u3064",
    "where": "where \u54ea\u91cc \u54ea\u88e1 \u54ea\u513f \u4f55\u5904 \u4f55\u8655 \u3069\u3053",
    "which": "which \u54ea \u3069\u306e \u3069\u3061\u3089 \u3069\u308c",
    "how": "how \u600e \u5982\u4f55 \u591a\u5c11 \u3069\u3046 \u3069\u306e\u3088\u3046 \u3044\u304f \u5e7e \u51e0",
    "what": "what \u4ec0\u4e48 \u4ec0\u9ebc \u4f55 \u306a\u306b",
}
"""The words of each, in English, Chinese and Japanese."""
_KINDS = {word: kind for kind, words in _WORDS.items() for word in words.split()}
# Of words that begin at one place the longest counts. English ones are whole words.
_PATTERN = re.compile(
    "|".join(rf"\b{word}\b" if word.isascii() else word for word in sorted(_KINDS, key=len, reverse=True))
)
KINDS = (*_WORDS, OTHER)


def question_word(question: str) -> str:
    """The first question word of a question, as one of `KINDS`; `other` where it has none."""
    found = _PATTERN.search(question.lower())
    return _KINDS[found[0]] if found else OTHER
