"""Judging answers: facts that add up, suspicious labels, answers without a model, and what a page marks."""

import numpy as np
import pytest

from finetrail.evaluation.scores.bootstrap import Draws, intervals, point_scores
from finetrail.evaluation.slices import SplitRows
from finetrail.targets.spans.codec import SpanCodec
from finetrail.targets.spans.decoding import Candidates
from finetrail.targets.spans.judge import SpanJudge, scored
from finetrail.targets.spans.marked import marked
from finetrail.targets.spans.reading import Answer, Label
from tests.unit.targets.spans.rows import CONTEXT, WORDS, answered, label_of, likeliest

CODEC = SpanCodec(unanswerable=True)
JUDGE = SpanJudge(CODEC)
FOUND = [likeliest(seed) for seed in range(30)]
ANSWERS = answered(CODEC, FOUND)
LABELS: list[Label] = [
    [] if row % 5 == 0 else label_of(*(FOUND[row].spans[0].tolist() if row % 2 else WORDS[row % 7]))
    for row in range(30)
]


def test_metrics_are_means_over_rows_also_by_groups() -> None:
    facts = scored(LABELS, ANSWERS.texts)
    found = point_scores(JUDGE, LABELS, ANSWERS)
    assert found == pytest.approx({"exact_match": facts[:, 0].mean(), "f1": facts[:, 1].mean()})
    assert 0 < found["exact_match"] < found["f1"] < 1
    drawn = intervals(JUDGE, LABELS, ANSWERS, Draws(100, 0), [row // 3 for row in range(30)])
    assert drawn["f1"].value == pytest.approx(found["f1"])
    assert drawn["f1"].low < found["f1"] < drawn["f1"].high


def test_an_answer_in_the_right_place_is_right_whatever_a_perturbation_made_of_its_letters() -> None:
    label = [{"text": "two", "start": 4}]
    assert scored([label], ["tow"], [(4, 7)]).tolist() == [[1, 1, 1]]
    assert scored([label], ["tow"], [(0, 3)]).tolist() == [[0, 0, 1]]
    assert scored([label], ["two"], [(0, 3)]).tolist() == [[1, 1, 1]]


def test_the_constant_answer_is_none() -> None:
    found = point_scores(JUDGE, LABELS, JUDGE.constant(LABELS))
    assert found == pytest.approx({"exact_match": 0.2, "f1": 0.2})


def test_confident_answers_that_share_no_word_with_the_label_are_suspicious() -> None:
    # A model that is right about most rows, and most sure of the first two, whose labels are wrong.
    places = [WORDS[row % 7] for row in range(30)]
    found = [
        Candidates(
            np.array([place, *(other for other in WORDS if other != place)]),
            np.array([6.0 if row < 20 else 1.0, *[0.0] * 6], dtype=np.float32),
            -9.0,
            1,
        )
        for row, place in enumerate(places)
    ]
    labels = [label_of(*(WORDS[(row + 1) % 7] if row < 2 or row > 22 else places[row])) for row in range(30)]
    answers = answered(CODEC, found)
    suspicion = JUDGE.suspicion(labels, answers)
    assert suspicion.flagged.tolist() == [row < 2 for row in range(30)], "it was not sure of the last ones"
    assert suspicion.suggestions[:3] == [label_of(*places[0]), label_of(*places[1]), None]
    assert suspicion.quality[:2].max() < suspicion.quality[23:].min() < suspicion.quality[2:20].min()


def test_a_model_that_knows_little_suspects_nothing() -> None:
    labels = [label_of(*WORDS[(row * 3) % 7]) for row in range(30)]
    assert JUDGE.facts(labels, ANSWERS)[:, 0].mean() < 0.3
    assert not JUDGE.suspicion(labels, ANSWERS).flagged.any()


def test_rivals_are_a_sentence_and_a_name() -> None:
    english = "It rained. Beyonc\u00e9 and Coldplay sang at Super Bowl 50 in Santa Clara. Nobody won the toss!"
    chinese = "\u4e0b\u96e8\u4e86\u3002\u9ed1\u8c79\u961f\u8d62\u4e86\u3002"
    rows = [("Who sang at the Super Bowl?", english), ("\u8c01\u8d62\u4e86\uff1f", chinese), ("who", " ")]
    contents = [{"question": question, "context": context} for question, context in rows]
    asked = SplitRows([[]] * 3, [None] * 3, lambda: contents)
    sentence, name = JUDGE.rivals(asked, lambda: asked).values()
    assert sentence.texts == [
        "Beyonc\u00e9 and Coldplay sang at Super Bowl 50 in Santa Clara.",
        "\u9ed1\u8c79\u961f\u8d62\u4e86\u3002",
        "",
    ]
    assert name.texts == ["Santa Clara", "\u4e0b\u96e8\u4e86\u3002", ""]
    for one in (sentence, name):
        places = zip(rows, one.places, strict=True)
        assert [context[start:end] for (_, context), (start, end) in places] == one.texts
    assert CODEC.differ(sentence, name, CODEC).tolist() == [True, True, False]


@pytest.mark.parametrize("said", [Answer("two three", 4), Answer("three", 8), Answer("", 0), Answer("six", 24)])
def test_marked_pieces_are_the_context(said: Answer) -> None:
    pieces = marked(CONTEXT, [Answer("two", 4)], said)
    assert "".join(piece.text for piece in pieces) == CONTEXT
    assert "".join(piece.text for piece in pieces if piece.right) == "two"
    assert "".join(piece.text for piece in pieces if piece.said) == said.text


def test_far_from_the_answers_a_context_is_left_out() -> None:
    context = "a" * 900 + "GOLD" + "b" * 900 + "SAID" + "c" * 900
    shown = "".join(piece.text for piece in marked(context, [Answer("GOLD", 900)], Answer("SAID", 1804)))
    assert shown == "\u2026" + "a" * 160 + "GOLD" + "b" * 160 + " \u2026 " + "b" * 160 + "SAID" + "c" * 160 + "\u2026"
    beyond = marked("x" * 900, [Answer("GOLD", 2000)], Answer("SAID", 1804))
    assert [piece.text for piece in beyond] == ["x" * 320 + "\u2026"]
