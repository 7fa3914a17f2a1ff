"""BLEU and chrF equal sacreBLEU's, ROUGE equals rouge-score's, and all of them add up."""

import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sacrebleu.metrics.bleu import BLEU
from sacrebleu.metrics.chrf import CHRF

from finetrail.targets.sequences.metrics import common_length, of_rows, rouge, scores, signatures, statistics

WORDS = ["the", "cat", "Sat", "on", "mat,", ".", "12.5", "ein", "Öl", "&amp;", "猫", "です", "ข้าว", "a-b", "\u2028"]
TEXTS = st.lists(st.sampled_from(WORDS), max_size=9).map(" ".join)
PAIRS = st.lists(st.tuples(TEXTS, TEXTS), min_size=1, max_size=6)

# (reference, answer): F1 of rouge1, rouge2 and rougeL of rouge-score 0.1.2, which came out of
#   RougeScorer(["rouge1", "rouge2", "rougeL"], use_stemmer=False).score(reference, answer)
ROUGE_SCORE = {
    ("The cat sat on the mat.", "the cat, on a mat, sat"): (0.833333333333, 0.2, 0.666666666667),
    ("We don't use U.S.A. figures: 12.5 (see dog_house)", "U.S.A. figures were 12.5; we use dog houses."): (
        0.75,
        0.363636363636,
        0.583333333333,
    ),
    ("one two three", "one two three"): (1.0, 1.0, 1.0),
    ("", "words"): (0.0, 0.0, 0.0),
    ("...", "!!!"): (0.0, 0.0, 0.0),
    ("to be or not to be", "be not to be or to"): (1.0, 0.6, 0.666666666667),
}


@settings(max_examples=60, deadline=None)
@given(pairs=PAIRS, tokenizer=st.sampled_from(["13a", "intl", "zh", "char"]))
def test_bleu_and_chrf_are_those_of_sacrebleu(pairs: list[tuple[str, str]], tokenizer: str) -> None:
    references, answers = ([pair[side] for pair in pairs] for side in (0, 1))
    found = scores(statistics(references, answers, tokenizer).sum(axis=0, keepdims=True), tokenizer)
    bleu = BLEU(tokenize=tokenizer).corpus_score(answers, [references]).score
    assert found["bleu"].tolist() == [pytest.approx(bleu / 100, rel=1e-12)]
    assert found["chrf"].tolist() == [pytest.approx(CHRF().corpus_score(answers, [references]).score / 100, rel=1e-12)]


@settings(max_examples=30, deadline=None)
@given(pairs=PAIRS, chance=st.randoms(use_true_random=False))
def test_a_resample_scores_as_its_rows_do(pairs: list[tuple[str, str]], chance: random.Random) -> None:
    drawn = [chance.randint(0, len(pairs) - 1) for _ in pairs]
    references, answers = ([pair[side] for pair in pairs] for side in (0, 1))
    counts = np.bincount(drawn, minlength=len(pairs))[None, :]
    added = scores(counts @ statistics(references, answers, "13a"), "13a")
    again = statistics([references[row] for row in drawn], [answers[row] for row in drawn], "13a")
    alone = scores(again.sum(axis=0, keepdims=True), "13a")
    for name, values in added.items():
        np.testing.assert_allclose(values, alone[name], rtol=1e-12, err_msg=name)


@pytest.mark.parametrize(("pair", "expected"), ROUGE_SCORE.items())
def test_rouge_is_that_of_rouge_score_on_ascii(pair: tuple[str, str], expected: tuple[float, float, float]) -> None:
    assert rouge(*pair) == pytest.approx(expected, abs=1e-9)


def test_rouge_knows_more_than_ascii() -> None:
    assert rouge("Ärger über Öl", "ärger um öl") == pytest.approx((2 / 3, 0.0, 2 / 3))
    assert rouge("翻訳する", "翻訳した")[0] == pytest.approx(0.5)


@given(one=st.text("abc", max_size=12), other=st.text("abcd", max_size=12))
def test_the_longest_common_subsequence_is_that_of_the_table(one: str, other: str) -> None:
    table = np.zeros((len(one) + 1, len(other) + 1), dtype=int)
    for i, a in enumerate(one):
        for j, b in enumerate(other):
            table[i + 1, j + 1] = table[i, j] + 1 if a == b else max(table[i, j + 1], table[i + 1, j])
    assert common_length(one, other) == table[-1, -1]


def test_an_exact_match_ignores_white_space_and_normal_form_alone() -> None:
    facts = statistics(["ä  b", "A b", "a b"], ["a\u0308 b ", "a b", "a b"], "13a")
    assert of_rows(facts, "exact_match").tolist() == [1, 0, 1]


def test_a_metric_of_single_rows() -> None:
    facts = statistics(["a cat sat", "nothing"], ["a cat sat", "else"], "13a")
    assert of_rows(facts, "chrf").tolist() == [1.0, CHRF().sentence_score("else", ["nothing"]).score / 100]
    assert of_rows(facts, "rougeL").tolist() == [1.0, 0.0]


def test_no_row_is_no_error() -> None:
    assert statistics([], [], "13a").shape == (0, 33)


def test_the_signature_names_the_tokenizer_and_the_version() -> None:
    found = signatures("zh")
    assert found["bleu"].startswith("nrefs:1|case:mixed|eff:no|tok:zh|smooth:exp|version:2.")
    assert found["chrf"].startswith("nrefs:1|case:mixed|eff:yes|nc:6|nw:0|space:no|version:2.")


@pytest.mark.parametrize(
    ("reference", "answer", "pattern", "same"),
    [
        ("2 + 2 = 4 #### 4", "four, so #### 4", r"#### (\S+)", True),
        ("#### 4", "#### 3 no, #### 4", r"#### (\S+)", True),
        ("#### 4", "it is 4", r"#### (\S+)", False),
        ("it is 4", "it is 4", r"#### (\S+)", False),  # a target without an answer is never met
        ("a 12 b", "12", r"\d+", True),
        ("a 12 b", "12", None, False),
        (" a\u00e9 ", "ae\u0301", None, True),
    ],
)
def test_exact_match_compares_texts_or_what_a_pattern_finds_last(
    reference: str, answer: str, pattern: str | None, same: bool
) -> None:
    facts = statistics([reference], [answer], "13a", pattern)
    assert scores(facts, "13a")["exact_match"].tolist() == [float(same)]
