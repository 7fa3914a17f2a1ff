"""Perturbed texts: equal for equal seeds, more changed at a higher severity, and words where labels need them."""

import difflib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from finetrail.contents.perturbation import SEVERITIES, seed_of
from finetrail.contents.text import TEXT
from finetrail.contents.text.perturbations.tables import HOMOGLYPHS, NEIGHBOURS, OCR, SIMILAR
from finetrail.data.words import words
from finetrail.errors import ConfigError

NAMES = sorted(TEXT.perturbations)
IN_PLACE = [name for name in NAMES if TEXT.perturbations[name].in_place]
ENGLISH = (
    "The first Owl of Oslo, quoting old books, said: it costs 105 or 210 pounds; nobody believed Bill Ericson! " * 3
)
NUMBERED = " ".join(f"word{number}," for number in range(100))
CHINESE = "这个国家的学生来了,时间已经到了。日本の大学、カタカナとロシア。" * 3
OTHERS = st.text(st.characters(codec="utf-8"), max_size=60)
MIXED = st.text(st.sampled_from("abcXYZ 0123,.!\n国學时カロß\u0301\uff46\uff2fén"), max_size=60)


def text_for(name: str) -> str:
    """A text that the perturbation finds something to do in."""
    return CHINESE if name == "similar_characters" else ENGLISH


def changed(one: str, other: str) -> float:
    """The share of characters that differ or, where the length does, of words."""
    if len(one) == len(other):
        return sum(a != b for a, b in zip(one, other, strict=True)) / len(one)
    return 1 - difflib.SequenceMatcher(None, one.split(), other.split(), autojunk=False).ratio()


@pytest.mark.parametrize("name", NAMES)
def test_an_equal_seed_gives_an_equal_text_and_another_seed_another(name: str) -> None:
    text = text_for(name)
    perturbed = [TEXT.perturb(name, text, 4, seed) for seed in range(4)]
    assert perturbed == [TEXT.perturb(name, text, 4, seed) for seed in range(4)]
    if name != "truncation":
        assert len(set(perturbed)) == 4
    assert all(one != text for one in perturbed)


@pytest.mark.parametrize("name", NAMES)
def test_changes_grow_with_severity(name: str) -> None:
    text = text_for(name) if name in IN_PLACE else NUMBERED
    means = [
        np.mean([changed(text, TEXT.perturb(name, text, level, seed)) for seed in range(8)]) for level in SEVERITIES
    ]
    assert means == sorted(means)
    assert means[-1] > 2 * means[0] > 0


@pytest.mark.parametrize("name", NAMES)
def test_no_severity_is_no_perturbation(name: str) -> None:
    assert TEXT.perturb(name, ENGLISH, 0, 1) is ENGLISH


def test_a_severity_that_does_not_exist_is_refused() -> None:
    with pytest.raises(ConfigError, match="severity 6 does not exist; use 1 to 5, or 0"):
        TEXT.perturb("case", ENGLISH, 6, 0)


@pytest.mark.parametrize("name", IN_PLACE)
@given(text=MIXED | OTHERS, severity=st.sampled_from(SEVERITIES), seed=st.integers(0, 9))
@settings(max_examples=60, deadline=None)
def test_what_stays_in_place_keeps_every_word_where_it_was(name: str, text: str, severity: int, seed: int) -> None:
    perturbed = TEXT.perturb(name, text, severity, seed)
    assert words(perturbed) == words(text)


@pytest.mark.parametrize("name", sorted(set(NAMES) - set(IN_PLACE)))
@given(text=MIXED | OTHERS, severity=st.sampled_from(SEVERITIES), seed=st.integers(0, 9))
@settings(max_examples=60, deadline=None)
def test_a_text_with_words_keeps_some(name: str, text: str, severity: int, seed: int) -> None:
    assert bool(TEXT.perturb(name, text, severity, seed).strip()) == bool(text.strip())


@given(text=MIXED, severity=st.sampled_from(SEVERITIES))
def test_swapping_and_white_space_keep_every_character(text: str, severity: int) -> None:
    for name in ("swap_words", "white_space"):
        perturbed = TEXT.perturb(name, text, severity, 0)
        assert sorted("".join(perturbed.split())) == sorted("".join(text.split()))


def test_dropped_words_are_gone_in_their_share() -> None:
    text = " ".join(f"w{number}" for number in range(400))
    left = TEXT.perturb("drop_words", text, 5, 0).split()
    assert len(left) == 200
    assert left == [word for word in text.split() if word in set(left)]


def test_truncation_keeps_the_start() -> None:
    text = " ".join(f"w{number}" for number in range(10))
    assert TEXT.perturb("truncation", text, 1, 0) == " ".join(f"w{number}" for number in range(9))
    assert TEXT.perturb("truncation", text, 5, 0) == "w0 w1 w2"
    assert TEXT.perturb("truncation", "alone", 5, 0) == "alone"


def test_thai_is_perturbed_letter_by_letter_and_no_mark_is_punctuation() -> None:
    text = "ร้านนี้อาหารอร่อยมากและบริการดี"
    assert TEXT.perturb("truncation", text, 5, 0) == "ร้านนี้อาหา"
    assert 0 < len(TEXT.perturb("drop_words", text, 3, 0)) < len(text)
    lost = TEXT.perturb("punctuation", text + "!" * 20, 5, 0)
    assert [one for one in lost if one not in ",.;!?-"] == list(text)


def test_typos_are_neighbours_or_trades() -> None:
    assert NEIGHBOURS["s"] == "weadzx"
    text = "keyboard " * 200
    hit = [word for word in TEXT.perturb("typos", text, 5, 0).split() if word != "keyboard"]
    assert len(hit) == 100
    for word in hit:
        other = [(was, now) for was, now in zip("keyboard", word, strict=True) if was != now]
        traded = len(other) == 2 and other[0] == other[1][::-1]
        assert traded or (len(other) == 1 and other[0][1] in NEIGHBOURS[other[0][0]])


def test_tables_hold_single_characters_that_differ() -> None:
    for table in (HOMOGLYPHS, OCR, SIMILAR):
        for one, doubles in table.items():
            assert len(one) == 1
            assert one not in doubles


def test_width_is_undone_by_compatibility_forms() -> None:
    import unicodedata

    perturbed = TEXT.perturb("width", ENGLISH, 5, 0)
    assert perturbed != ENGLISH
    assert unicodedata.normalize("NFKC", perturbed) == ENGLISH
    assert TEXT.perturb("width", "\uff21\uff22" * 20, 5, 0).count("A") > 3


def test_each_of_several_texts_is_perturbed() -> None:
    row = {"title": ENGLISH, "body": ENGLISH[::-1]}
    perturbed = TEXT.perturb("case", row, 5, 0)
    assert perturbed == {"title": ENGLISH.swapcase(), "body": ENGLISH[::-1].swapcase()}


def test_the_seed_depends_on_row_perturbation_and_severity() -> None:
    seeds = {seed_of(row, name, level) for row in ("a", "b") for name in ("typos", "case") for level in (1, 2)}
    assert len(seeds) == 8
    assert seed_of("a", "typos", 1) == 0x23AC2F41824CBB00
