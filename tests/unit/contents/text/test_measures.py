"""What slices may ask of a text."""

import pytest

from finetrail.contents.text.measures import script


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("where to?", "latin"),
        ("味道不错 ok", "cjk"),
        ("ラーメンー", "katakana"),  # the long sign is of both kana
        ("ﾗｰﾒﾝ", "katakana"),
        ("ＡＢＣ", "latin"),  # noqa: RUF001 - the point
        ("ありがとう", "hiragana"),
        ("อร่อยมาก", "thai"),
        ({"title": "ok", "body": "привет"}, "cyrillic"),
        ("12, 3!", "none"),
    ],
)
def test_the_script_is_that_of_most_letters(content: object, expected: str) -> None:
    assert script(content) == expected
