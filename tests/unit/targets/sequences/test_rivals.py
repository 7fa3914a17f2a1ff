"""Texts that need no model, and what a report says of them beside the model's."""

import numpy as np
import pytest

from finetrail.evaluation.scores.bootstrap import Draws, point_scores
from finetrail.evaluation.slices import SplitRows
from finetrail.targets.numbers import METRICS
from finetrail.targets.numbers.codec import NumberCodec
from finetrail.targets.rivals import compared, rivals_section
from finetrail.targets.sequences import SUMMARIES
from finetrail.targets.sequences.judge import unsure
from finetrail.targets.sequences.rivals import first_sentence, nearest, rivals
from finetrail.targets.target import metric_named
from tests.unit.evaluation.report.pages import Page

CODEC = SUMMARIES.codec({"tokenizer": "13a"})
METRIC = metric_named(SUMMARIES.metrics, "rougeL")
KNOWN = SplitRows(
    ["of ships", "of planes", "of trains"],
    [None] * 3,
    lambda: ["the ship sailed away", "a plane landed early", "trains run on rails"],
)
ASKED = SplitRows(
    ["the ship sailed", "of planes"],
    [None] * 2,
    lambda: ["The ship sailed. Nobody saw it.", "One plane landed. Another did not!"],
)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("One sentence. Another one.", "One sentence."),
        ("Version 2.5 is out! See it.", "Version 2.5 is out!"),
        ("我们在这里。你们在那里。", "我们在这里。"),
        ("A title\n\nand a text", "A title"),
        ("no full stop", "no full stop"),
        (" . ", "."),
        ("", ""),
    ],
)
def test_the_first_sentence_of_a_text(text: str, sentence: str) -> None:
    assert first_sentence(text) == sentence


def test_the_nearest_text_shares_rare_words() -> None:
    known, labels = list(KNOWN.contents()), [str(label) for label in KNOWN.labels]
    assert nearest(["the rails of trains", "a PLANE", "nothing of it"], known, labels) == [
        "of trains",
        "of planes",
        "of ships",
    ]
    assert nearest(["a"], ["...", "!"], ["one", "two"]) == ["one"]
    assert nearest([f"plane {row}" for row in range(600)], known, labels) == ["of planes"] * 600


def test_a_source_of_one_sentence_is_no_rival_twice() -> None:
    found = CODEC.judge.rivals(ASKED, lambda: KNOWN)
    assert list(found) == ["the source itself", "its first sentence", "the target of the nearest training row"]
    assert found["the target of the nearest training row"].texts == ["of ships", "of planes"]
    short = SplitRows(["a"], [None], lambda: [{"one": "no", "two": "stop"}])
    assert list(CODEC.judge.rivals(short, lambda: KNOWN)) == [
        "the source itself",
        "the target of the nearest training row",
    ]


def test_the_model_leads_by_what_it_is_better_and_its_copies_are_counted() -> None:
    said = unsure(["The ship sailed.", "of planes"])
    rivals = CODEC.judge.rivals(ASKED, lambda: KNOWN)
    found = compared(CODEC, ASKED, said, rivals, metric=METRIC, draws=Draws(50, seed=0))
    assert [one.same for one in found] == [0.0, 0.5, 0.5]
    own = point_scores(CODEC.judge, ASKED.labels, said)["rougeL"]
    assert [one.value.value + one.ahead.value for one in found] == pytest.approx([own] * 3)
    (section,) = rivals_section(found, METRIC)
    assert section.json["rivals"]["its first sentence"]["same_answers"] == 0.5
    page = Page(section.html)
    assert page.open == []
    assert "the target of the nearest training row" in page.shown


def test_a_lower_error_leads_too() -> None:
    codec = NumberCodec(0.0, 1.0)
    rows = SplitRows([1.0, 2.0], [None] * 2, list)
    others = {"zero": np.zeros((2, 1))}
    metric = metric_named(METRICS, "rmse")
    (found,) = compared(codec, rows, np.array([[1.0], [2.0]]), others, metric=metric, draws=Draws(10, seed=0))
    assert found.ahead.value == pytest.approx(2.5**0.5)


def test_a_target_without_rivals_has_no_section() -> None:
    judge = NumberCodec(0.0, 1.0).judge
    assert judge.rivals(ASKED, lambda: KNOWN) == {}
    assert compared(CODEC, ASKED, unsure(["a", "b"]), {}, metric=METRIC, draws=Draws(10, seed=0)) == []
    assert rivals_section([], METRIC) == []


def test_the_source_of_a_turn_is_all_that_stands_in_front_of_it() -> None:
    conversation = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "What is 6 times 7?"}]
    found = rivals(*[SplitRows(["42"], [None], lambda: [conversation])] * 2)
    assert {name: answers.texts for name, answers in found.items()} == {
        "the source itself": ["Be brief. What is 6 times 7?"],
        "its first sentence": ["Be brief."],
        "the target of the nearest training row": ["42"],
    }
