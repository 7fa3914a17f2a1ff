"""How good the answers of a model that writes texts are, and which labels it doubts."""

from dataclasses import replace

import numpy as np
import pytest

from finetrail.evaluation.scores.bootstrap import point_scores
from finetrail.targets.sequences import METRICS, SUMMARIES, TRANSLATIONS
from finetrail.targets.sequences.codec import SequenceCodec
from finetrail.targets.sequences.judge import SequenceJudge, unsure

JUDGE = SequenceJudge(SequenceCodec())
LABELS = ["the house is old", "a cat", "we are here"]


def test_the_metrics_are_all_those_of_the_target() -> None:
    found = point_scores(JUDGE, LABELS, unsure(["the house is old", "a dog", "we are here"]))
    assert set(found) == {metric.name for metric in METRICS}
    assert found["exact_match"] == pytest.approx(2 / 3)
    assert found["rouge1"] == pytest.approx((1 + 0.5 + 1) / 3)
    assert point_scores(JUDGE, LABELS, unsure(LABELS)) == pytest.approx(dict.fromkeys(found, 1.0) | {"rouge2": 1.0})


def test_each_task_judges_single_rows_by_the_metric_that_it_chooses_by() -> None:
    said = unsure(["the house", "a cat", "you"])
    for target, title in ((SUMMARIES, "1 - ROUGE-L of a row"), (TRANSLATIONS, "1 - chrF of a row")):
        judge = target.codec({"tokenizer": "13a"}).judge
        errors = judge.row_errors(LABELS, said)
        assert judge.row_error.title == title
        assert errors[1] == 0
        assert 0 < errors[0] < errors[2] <= 1


def test_a_text_is_neither_right_nor_wrong() -> None:
    assert JUDGE.right(LABELS, unsure(LABELS)) is None  # type: ignore[func-returns-value]
    assert JUDGE.alike("a", "b") is None  # type: ignore[func-returns-value]
    assert JUDGE.groups(LABELS, unsure(LABELS)) == JUDGE.errors(LABELS, unsure(LABELS)) == {}


def test_the_constant_is_the_text_that_has_most_in_common_with_all() -> None:
    judge = SUMMARIES.codec({"tokenizer": "13a"}).judge
    assert judge.constant(["a", "long text", "a"]).texts == ["a"] * 3
    labels = ["we propose a model", "we propose a loss", "cats", "we propose a tree", "an essay on dogs"]
    assert judge.constant(labels).texts[0].startswith("we propose a")
    rare = [f"a text {row}" for row in range(1000)]
    assert judge.constant([*rare, *["something else"] * 3000]).texts == ["something else"] * 4000


def test_a_label_is_doubted_that_differs_from_an_answer_of_which_the_model_is_sure() -> None:
    labels = [f"sentence number {row} about {row * 7}" for row in range(40)]
    said = [*labels[:39], "something else"]
    answers = replace(unsure(said), scores=np.full(40, -0.1))
    found = JUDGE.suspicion(labels, answers)
    assert np.flatnonzero(found.flagged).tolist() == [39]
    assert found.suggestions[39] == "something else"
    assert found.quality[39] < found.quality[:39].min()
    unsure_of_it = JUDGE.suspicion(labels, replace(answers, scores=np.array([-0.1] * 39 + [-9.0])))
    assert unsure_of_it.quality[39] > found.quality[39]


def test_a_card_says_what_was_counted_and_how_often_answers_fail() -> None:
    tested = {
        "test": {"empty_answers": 0.25, "cut_answers": 0.0},
        "sacrebleu": {"bleu": {"score": [1.0], "signature": "nrefs:1|tok:13a"}},
    }
    assert JUDGE.told(tested) == ["sacreBLEU's signature of bleu: `nrefs:1|tok:13a`."]
    assert JUDGE.limits(tested)[1:] == ["In 25.0% of the test rows its answer is empty."]
    assert JUDGE.told({}) == JUDGE.limits({})[1:] == []
