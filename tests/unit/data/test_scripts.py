"""The writing system of a text."""

import pytest

from finetrail.data.scripts import NO_SCRIPT, WITHOUT_SPACES, script, script_of


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("The house, 1925", "latin"),
        ("Дом стоит (house)", "cyrillic"),
        ("我们在 BERT 里", "cjk"),
        ("これは漢字です", "hiragana"),
        ("한국어", "hangul"),
        ("ab бв", "cyrillic"),
        ("12.5 % 🙂", NO_SCRIPT),
        ("", NO_SCRIPT),
    ],
)
def test_the_script_is_that_of_most_letters(text: str, name: str) -> None:
    assert script(text) == name


def test_the_scripts_without_spaces_are_named_as_unicode_names_their_letters() -> None:
    letters = {"hiragana": "あ", "katakana": "ー", "cjk": "漢", "thai": "ก"}
    letters |= {"lao": "\u0e81", "khmer": "\u1780", "myanmar": "\u1000"}
    assert {script_of(letter) for letter in letters.values()} == set(letters) == WITHOUT_SPACES
