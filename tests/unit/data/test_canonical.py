"""Texts that look the same are one text, and what nobody sees is nothing."""

import unicodedata
from datetime import UTC, datetime
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from finetrail.contents.text.near import normalise
from finetrail.data.canonical import canonical, folded, is_blank, is_missing, shown

ENGLAND, SCOTLAND = (
    "\U0001f3f4" + "".join(chr(0xE0000 + ord(letter)) for letter in name) + "\U000e007f" for name in ("gbeng", "gbsct")
)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("é", "e\u0301"),
        ("각", "\u1100\u1161\u11a8"),
        ("Å", "\u212b"),
        ("good", "good "),
        ("good", "\n good\r\n"),
        ("10 km", "10\u00a0km"),
        ("10 km", "10\u202f\u2009km"),
        ("two  spaces", "two spaces"),
        ("word", "wo\u200brd"),
        ("word", "\ufeffword"),
        ("word", "wo\u00adrd"),
        ("word", "w\u2060o\u200cr\u200dd\u200e"),
        ("word", "wo\x00r\x1bd"),
        ("é", "e\u200b\u0301"),
        ("❤", "❤\ufe0f"),
        ("a b", "a\u2800b"),
        ("한", "한\u3164"),
    ],
    ids=ascii,
)
def test_texts_that_look_the_same_are_equal(one: str, other: str) -> None:
    assert one != other
    assert canonical(one) == canonical(other)
    assert normalise(one) == normalise(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [("Good", "good"), ("good", "good."), ("x²", "x2"), ("ﬁn", "fin"), ("\uff21", "A"), ("ice cream", "icecream")],
)
def test_what_looks_different_is_different(one: str, other: str) -> None:
    assert canonical(one) != canonical(other)


def test_flags_that_differ_in_tags_alone_are_different_and_tags_alone_are_nothing() -> None:
    assert canonical(ENGLAND) != canonical(SCOTLAND)
    assert canonical(f"a{ENGLAND[1:]}") == "a"
    assert is_blank(ENGLAND[1:])


def test_signs_that_are_format_characters_but_seen_stay() -> None:
    assert canonical("\u0600\u0661") == "\u0600\u0661"


@given(st.text())
def test_the_canonical_form_is_final_composed_and_that_of_every_normal_form(text: str) -> None:
    found = canonical(text)
    assert canonical(found) == found == unicodedata.normalize("NFC", found)
    assert canonical(unicodedata.normalize("NFD", text)) == canonical(unicodedata.normalize("NFC", text)) == found
    assert canonical(f" {text}\u00a0\u200b") == found
    assert is_blank(text) == (not found)


@given(st.text(st.characters(min_codepoint=32, max_codepoint=126)))
def test_of_ascii_only_white_space_changes(text: str) -> None:
    assert canonical(text) == " ".join(text.split())


@pytest.mark.parametrize("text", ["", " \t", "\u200b\u200b", "\ufeff", "\u2060\u200d", "\u3000\u00a0", "\u00ad", "\0"])
def test_texts_of_invisible_characters_alone_are_blank(text: str) -> None:
    assert is_blank(text)
    assert is_missing(text)


@pytest.mark.parametrize(
    "value",
    [None, float("nan"), np.float32("nan"), np.datetime64("NaT"), pd.NA, pd.NaT, Decimal("NaN"), Decimal("sNaN")],
)
def test_missing_is_missing_in_every_library(value: object) -> None:
    assert is_missing(value) is True


@pytest.mark.parametrize(
    "value",
    [
        *(0, 0.0, False, float("inf"), Decimal(1), datetime(2026, 1, 1, tzinfo=UTC)),
        *("None", "nan", "NA", "-", b""),
        *([], {}, (None,), [float("nan")], np.array([]), np.array([np.nan]), pd.Series([None])),
    ],
    ids=str,
)
def test_everything_else_is_a_value(value: object) -> None:
    assert is_missing(value) is False


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Sport", "sport"),
        ("Sport", "Sport "),
        ("Café", "CAFE\u0301"),
        ("ice cream", "Ice\u00a0 cream"),
        ("ΟΔΟΣ", "οδος"),
    ],
)
def test_spellings_of_a_name_fold_to_one(one: str, other: str) -> None:
    assert folded(one) == folded(other)


@pytest.mark.parametrize(("one", "other"), [("Maße", "Masse"), ("resume", "résumé"), ("C", "C++"), ("a b", "ab")])
def test_other_names_do_not(one: str, other: str) -> None:
    assert folded(one) != folded(other)


@given(st.text(), st.text())
def test_names_that_differ_are_shown_differently(one: str, other: str) -> None:
    assert (shown(one) == shown(other)) == (one == other)


def test_normal_forms_are_shown_differently() -> None:
    assert (shown("Café"), shown("Cafe\u0301")) == ("'Café'", r"'Cafe\u0301'")
