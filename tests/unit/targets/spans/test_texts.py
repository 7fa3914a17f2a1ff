"""Exact match and F1, against torchmetrics' SQuAD (words) and the rules of CMRC 2018 (characters)."""

import re
from collections.abc import Sequence
from difflib import SequenceMatcher

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torchmetrics.text import SQuAD

from finetrail.targets.spans.texts import score, segments_of, words_of

WORDS = st.lists(
    st.sampled_from(
        ["the", "a", "An", "Denver", "denver", "Broncos", "Broncos,", "won", "50.", "4½", "é", "U.S.", "'s"]
    ),
    max_size=6,
).map(" ".join)


def squad(text: str, gold: Sequence[str]) -> tuple[float, float]:
    """What torchmetrics says of one row."""
    metric = SQuAD()
    metric.update(
        [{"prediction_text": text, "id": "1"}],
        [{"answers": {"text": list(gold), "answer_start": [0] * len(gold)}, "id": "1"}],
    )
    found: dict[str, torch.Tensor] = metric.compute()
    return found["exact_match"].item() / 100, found["f1"].item() / 100


@given(WORDS, st.lists(WORDS.filter(words_of), min_size=1, max_size=3))
def test_words_are_counted_as_another_implementation_counts_them(text: str, gold: list[str]) -> None:
    assert score(text, gold) == pytest.approx(squad(text, gold), abs=1e-6)


def test_an_answer_is_right_if_one_of_the_gold_answers_is() -> None:
    gold = ["Denver Broncos", "The Denver Broncos", "Broncos"]
    assert score("the broncos!", gold) == (1, 1)
    assert score("Denver", gold) == pytest.approx((0, 2 / 3))


def test_without_an_answer_only_none_is_right() -> None:
    assert score("", []) == (1, 1)
    assert score("Denver", []) == (0, 0)
    assert score("", ["Denver"]) == (0, 0)
    # As SQuAD 2.0's script has it: what is left of it has no word, so it is no gold answer.
    assert score("", ["the"]) == (1, 1)
    assert score("Denver", ["the", "Denver"]) == (1, 1)


MARKS = "\uff0c\u3002\u300a\u300b"
CHINESE = st.text(st.sampled_from(f"黑豹队的防守丢了多少分1{MARKS}"), max_size=8)


def cmrc(text: str, gold: Sequence[str]) -> tuple[float, float]:
    """The rules of CMRC 2018's script: characters without punctuation, and their longest common run."""
    one, *_ = [re.sub(f"[{MARKS}]", "", text)]
    best_exact, best = 0.0, 0.0
    for answer in gold:
        other = re.sub(f"[{MARKS}]", "", answer)
        best_exact = max(best_exact, float(one == other))
        matcher = SequenceMatcher(None, one, other, autojunk=False)
        run = matcher.find_longest_match(0, len(one), 0, len(other)).size
        if run:
            precision, recall = run / len(one), run / len(other)
            best = max(best, 2 * precision * recall / (precision + recall))
    return best_exact, best


@given(CHINESE, st.lists(CHINESE.filter(lambda text: bool(re.search("[黑豹队的防守]", text))), min_size=1, max_size=3))
def test_characters_are_counted_as_cmrc_counts_them(text: str, gold: list[str]) -> None:
    # A run of digits is one word, to us as to CMRC's script, and here one digit stands alone.
    text, *gold = (re.sub(f"1[1{MARKS}]*", "1", one) for one in (text, *gold))
    assert score(text, gold) == pytest.approx(cmrc(text, gold))


def test_scripts_without_spaces_are_divided_and_others_are_not() -> None:
    assert segments_of("第308条 Super Bowl") == ["第", "308", "条", "super", "bowl"]
    assert segments_of("The Super Bowl 308") == ["super", "bowl", "308"]
    assert segments_of("แพนเธอร์ส") == list("แพนเธอร์ส")
    assert segments_of("カンザスの。") == list("カンザスの")
    assert segments_of("한국 사람") == ["한국", "사람"]


def test_a_number_in_a_chinese_context_is_compared_by_character_too() -> None:
    assert score("308分", ["308"]) == pytest.approx((0, 2 / 3))
