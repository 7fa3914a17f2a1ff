"""Tokens become a text in which every token can still be told apart."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from finetrail.data.words import words
from finetrail.targets.tags.joining import join

CHARACTERS = "aB1_'.,-é\u0301\u200d\u200b中国カー\uff0c。「」🇩🇪👩ﾞ "
token_lists = st.lists(st.text(st.sampled_from(CHARACTERS), min_size=1, max_size=4), min_size=1, max_size=8)


@pytest.mark.parametrize(
    ("tokens", "glued", "expected"),
    [
        ("I do n't .", None, "I do n't ."),
        ("I do n't .", "0110", "I do n't."),  # without the space, `don` would be one word
        ("Bush 's car", "100", "Bush's car"),
        ("$ 5", "10", "$5"),
        ("中国 的 北京 。", None, "中国的北京。"),
        ("「 東京 」 へ", None, "「東京」へ"),
        ("在 2008 年", None, "在 2008 年"),
        ("葛\U000e0100 飾", None, "葛\U000e0100飾"),
        ("中国 abc", None, "中国 abc"),
        ("한국 어", None, "한국 어"),
        ("中 ﾞ", "10", "中 ﾞ"),
        ("\uff21 \uff22", None, "\uff21 \uff22"),  # full-width letters would run together
        ("🇩 🇪 🇫", "110", "🇩 🇪 🇫"),  # the first two would be one flag; then the last two
        ("a", "1", "a"),
    ],
)
def test_where_spaces_stand(tokens: str, glued: str | None, expected: str) -> None:
    split = tokens.split(" ")
    text, offsets = join(split, None if glued is None else [one == "0" for one in glued])
    assert text == expected
    assert [text[start:end] for start, end in offsets] == split


def test_white_space_at_the_end_of_a_token_parts_it_from_the_next() -> None:
    assert join(["a ", "b", " c"], [False] * 3) == ("a b c", [(0, 2), (2, 3), (3, 5)])


@given(token_lists, st.data())
def test_every_token_begins_and_ends_with_a_word(tokens: list[str], data: st.DataObject) -> None:
    size = len(tokens)
    flags = data.draw(st.none() | st.lists(st.booleans(), min_size=size, max_size=size))
    text, offsets = join(tokens, flags)
    assert [text[start:end] for start, end in offsets] == tokens
    for start, end in offsets:
        assert not [word for word in words(text) if word[0] < start < word[1] or word[0] < end < word[1]]


@given(st.text(st.sampled_from("aB1_'.,-é🇩👩 ")))
def test_a_text_that_is_taken_apart_into_words_is_put_together_again(text: str) -> None:
    plain = " ".join(text.split())
    found = words(plain)
    after = [plain[end : end + 1] == " " for _, end in found]
    assert join([plain[start:end] for start, end in found], after) == (plain, found)


def test_a_long_sentence_of_one_run_takes_linear_time() -> None:
    text, _ = join(["a"] * 20_000, [False] * 20_000)
    assert text == " ".join("a" * 20_000)
