"""The words of a text: what they cover, where they end, and that no mark stands alone."""

import unicodedata
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from finetrail.data.words import is_cjk, pieces, words

# Random Unicode rarely holds two of these side by side.
TELLING = (
    "aZ9_éß²'-. \t\r\n\u00a0\u3000\u0301\u093f\u200b\u200c\u200d\ufe0f\u20e3\u00ad\ufeff\u0663"
    "中々カーﾊﾞ한글कगü👩🎉♀🇩🇪\U0001f3fd"
)
texts = st.text() | st.text(st.sampled_from(TELLING))
MARKS = {"Mn", "Mc", "Me", "Cf"}


def found(text: str) -> list[str]:
    return [text[start:end] for start, end in words(text)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        (" \t\r\n\u00a0\u3000", []),
        ("don't stop_1, 2nd", ["don", "'", "t", "stop_1", ",", "2nd"]),
        ("line\r\nline", ["line", "line"]),
        ("...", [".", ".", "."]),
        ("x²+½", ["x²", "+", "½"]),
        ("iPhone手机", ["iPhone", "手", "机"]),
        ("時々スーパー", ["時", "々", "ス", "ー", "パ", "ー"]),
        ("ﾊﾟﾝ", ["ﾊﾟ", "ﾝ"]),  # half-width: the voicing mark is a letter of its own to Unicode
        ("か\u3099", ["か\u3099"]),
        ("葛\U000e0100飾", ["葛\U000e0100", "飾"]),  # a variation selector
        ("한국어 문장", ["한국어", "문장"]),
        ("\U00020000\U00030000", ["\U00020000", "\U00030000"]),
        ("e\u0301te\u0301!", ["e\u0301te\u0301", "!"]),
        ("!\u0301", ["!\u0301"]),
        ("\u0301\u0302abc", ["\u0301\u0302", "abc"]),
        ("a \u0301b", ["a", "\u0301", "b"]),
        ("अनुच्छेद १", ["अनुच्छेद", "१"]),
        ("\u0645\u06cc\u200c\u062e\u0648\u0627", ["\u0645\u06cc\u200c\u062e\u0648\u0627"]),  # inside a Persian word
        ("co\u00adoperate", ["co\u00adoperate"]),
        ("ab\u200bcd", ["ab\u200b", "cd"]),
        ("👍🏽👍", ["👍🏽", "👍"]),
        ("👩‍👩‍👧‍👦👨", ["👩‍👩‍👧‍👦", "👨"]),
        ("❤️‍🔥", ["❤️‍🔥"]),
        ("🙂‍↔️", ["🙂‍↔️"]),  # the arrow is a mathematical symbol
        ("🇩🇪🇫🇷🇺", ["🇩🇪", "🇫🇷", "🇺"]),
        ("🏴\U000e0067\U000e0062\U000e007f!", ["🏴\U000e0067\U000e0062\U000e007f", "!"]),
        ("1️⃣", ["1️⃣"]),
        ("👩‍a", ["👩‍", "a"]),
        ("\ud800x\x00", ["\ud800", "x", "\x00"]),
    ],
)
def test_examples(text: str, expected: list[str]) -> None:
    assert found(text) == expected


@given(texts)
def test_words_cover_what_is_not_white_space_in_order(text: str) -> None:
    covered = [place for start, end in words(text) for place in range(start, end)]
    assert covered == [place for place, character in enumerate(text) if not character.isspace()]
    assert all(start < end for start, end in words(text))


@given(texts)
def test_a_mark_begins_a_word_only_where_nothing_stands_before_it(text: str) -> None:
    for start, _ in words(text):
        if start and not text[start - 1].isspace():
            assert unicodedata.category(text[start]) not in MARKS


@given(texts)
def test_a_run_of_letters_is_not_divided_but_by_chinese_and_kana(text: str) -> None:
    ends = {end for _, end in words(text)}
    for place, (one, other) in enumerate(pairwise(text), start=1):
        if one.isalnum() and other.isalnum():
            parted = is_cjk(one) or is_cjk(other)
            assert (place in ends) == (parted and other not in "ﾞﾟ") or one in "ﾞﾟ"


@given(texts, texts)
def test_a_space_parts_words_and_changes_none(one: str, other: str) -> None:
    shift = len(one) + 1
    assert words(f"{one} {other}") == words(one) + [(start + shift, end + shift) for start, end in words(other)]


@given(texts)
def test_composed_and_decomposed_characters_give_the_same_words(text: str) -> None:
    composed, decomposed = unicodedata.normalize("NFC", text), unicodedata.normalize("NFD", text)
    assert [unicodedata.normalize("NFC", word) for word in found(decomposed)] == [
        unicodedata.normalize("NFC", word) for word in found(composed)
    ]


def test_a_long_text_takes_linear_time() -> None:
    for text in ("a" * 1_000_000, "a\u0301" * 300_000, "👍\u200d" * 300_000, "\u0301" * 1_000_000):
        assert len(words(text)) == 1


@given(texts | st.text(st.sampled_from("ที่นี่ กำ ខ្មែរ ລາວ မြန်မာ 中a")))
def test_pieces_are_the_text_and_none_holds_two_letters_of_a_script_without_spaces(text: str) -> None:
    found = pieces(text)
    assert "".join(found) == text
    for piece in found:
        assert piece.isspace() or not any(one.isspace() for one in piece)
        letters = [one for one in piece if is_cjk(one) or "\u0e01" <= one <= "\u0e2e"]
        assert letters in ([], [piece[0]])


def test_a_letter_keeps_its_marks() -> None:
    assert pieces("ที่ดี 3 มื้อ") == ["ที่", "ดี", " ", "3", " ", "มื้", "อ"]
    assert pieces("iPhone手机") == ["iPhone", "手", "机"]
