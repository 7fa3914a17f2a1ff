"""Answers that go round in circles, and answers that refuse."""

import re

import pytest

from finetrail.targets.sequences.habits import REFUSALS, loops, refuses


def looped(text: str) -> bool:
    """By a regular expression: at the end, three times what has a space inside."""
    return re.search(r"(?:^| )(\S+(?: \S+)+) \1 \1$", text) is not None


@pytest.mark.parametrize(
    "text",
    [
        "",
        "no",
        "no no no no no",
        "no no no no no no",
        "the cat and the cat and the cat",
        "it is the cat and the cat and the cat and",
        "the cat and the dog and the cat",
        "a b c a b c a b c d",
        "a b a b",
        "say a b c d e a b c d e a b c d e",
        "say a b c d e a b c d f a b c d e",
    ],
)
def test_a_loop_is_a_phrase_that_is_said_three_times_at_the_end(text: str) -> None:
    assert loops(text) == looped(text)


def test_case_white_space_and_scripts_without_spaces() -> None:
    assert loops("We go. we  go.\nWE GO.")
    assert loops("\u6211\u77e5\u9053" * 3)
    assert not loops("\u6211\u77e5\u9053" * 2)
    assert loops("!!!!!!")
    assert not loops("Wait...")


@pytest.mark.parametrize(
    ("text", "refused"),
    [
        ("I cannot help with that.", True),
        ("  I\u2019m sorry, but no.", True),
        ("Sorry, no.", True),
        ("Sorryful is a word.", False),
        ("No, I cannot.", False),
        ("Es tut mir leid.", True),
        ("D\u00e9sol\u00e9, non.", True),
        ("\u62b1\u6b49\uff0c\u6211\u4e0d\u77e5\u9053", True),
        ("42", False),
        ("", False),
    ],
)
def test_a_refusal_is_known_by_how_it_begins(text: str, refused: bool) -> None:
    assert refuses(text) == refused


def test_every_listed_beginning_refuses_and_a_pattern_takes_their_place() -> None:
    assert all(refuses(f"{begin.upper()} ...") for of_language in REFUSALS.values() for begin in of_language)
    assert refuses("Beyond my powers, alas", "(?i)beyond my")
    assert not refuses("Sorry", "(?i)beyond my")
