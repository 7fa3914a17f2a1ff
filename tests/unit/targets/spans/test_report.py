"""What the report says: the two kinds of rows apart, mistakes in their contexts, and nothing of a text as HTML."""

import json

import numpy as np
import pandas as pd
import pytest

from finetrail.evaluation.report.gallery import Gallery
from finetrail.evaluation.report.previews import Preview
from finetrail.evaluation.scores.bootstrap import Draws, point_scores
from finetrail.evaluation.slices import SplitRows
from finetrail.targets.spans.codec import SpanCodec
from finetrail.targets.spans.evaluation import SpanEvaluation
from finetrail.targets.spans.judge import SpanJudge
from finetrail.targets.spans.questions import question_word
from finetrail.targets.spans.reading import Label
from tests.unit.targets.spans.rows import CONTEXT, WORDS, answered, label_of, likeliest

CODEC = SpanCodec(unanswerable=True, threshold=-1.0)
FOUND = [likeliest(seed) for seed in range(24)]
ANSWERS = answered(CODEC, FOUND)
LABELS: list[Label] = [
    [] if row % 4 == 0 else label_of(*(FOUND[row].spans[0].tolist() if row % 3 else WORDS[row % 7]))
    for row in range(24)
]


def evaluated(labels: list[Label]) -> SpanEvaluation:
    rows = pd.DataFrame(
        {"id": [f"id{row}" for row in range(24)], "label": labels, "group": [str(row // 2) for row in range(24)]}
    )
    return SpanJudge(CODEC).evaluate(rows, ANSWERS, Draws(50, 0), {})


def test_rows_with_and_without_an_answer_are_scored_apart() -> None:
    found = evaluated(LABELS)
    assert found.decided.tolist() == [
        [int((~ANSWERS.none & has).sum()), int((ANSWERS.none & has).sum())]
        for has in (np.array([bool(label) for label in LABELS]), np.array([not label for label in LABELS]))
    ]
    counts = found.decided.sum(axis=1)
    means = [found.kinds[kind]["f1"].value for kind in ("answerable", "unanswerable")]
    assert found.metrics["f1"].value == pytest.approx(float((np.array(means) * counts).sum() / counts.sum()))
    assert found.kinds["unanswerable"]["exact_match"].value == pytest.approx(found.decided[1, 1] / counts[1])
    assert sum(one.rows for one in found.lengths) == counts[0]
    assert found.contexts == 12
    assert set(found.logged()) == {"test_answerable_f1", "test_unanswerable_f1", "test_ece", "test_nll"}
    every = evaluated([label or label_of(0, 3) for label in LABELS])
    assert every.kinds == {}
    assert "unanswerable" not in {one.name for one in every.story(Gallery.of({})).sections}


def test_the_worst_mistakes_stand_in_their_contexts_and_are_escaped() -> None:
    found = evaluated(LABELS)
    worst = [one.sure * (1 - one.f1) for one in found.worst]
    assert worst == sorted(worst, reverse=True)
    assert found.wanted == {
        f"id{row}" for row, right in enumerate(SpanJudge(CODEC).right(LABELS, ANSWERS)) if not right
    }
    context = CONTEXT.replace("two", "<i>")
    previews = {row: Preview(text=f"<b>who?\n{context}") for row in found.wanted}
    story = found.story(Gallery.of(previews))
    page = "".join(one.html for one in story.sections)
    assert "&lt;b&gt;who?" in page
    assert "<b>" not in page
    assert "&lt;i&gt;" in page
    assert "<i>" not in page
    assert json.loads(json.dumps(story.json))["answerable_or_not"]["threshold"] == -1
    table = found.mistakes(previews)
    assert list(table["id"]) == [one.id for one in found.worst]
    assert set(found.plots()) == {"reliability"}


@pytest.mark.parametrize(
    ("question", "word"),
    [
        ("In what year did it end?", "what"),
        ("How many are there, and who counts?", "how"),
        ("Whose house is it?", "who"),
        ("Is the somewhat showy hall old?", "other"),
        ("Name WHICH one", "which"),
        ("\u8fd9\u662f\u4ec0\u4e48\u65f6\u5019\uff1f", "when"),
        ("\u8fd9\u662f\u4ec0\u4e48\uff1f", "what"),
        ("\u4e3a\u4ec0\u4e48\uff1f", "why"),
        ("\u3069\u3053\u3067\u4f55\u3092", "where"),
        ("", "other"),
    ],
)
def test_the_first_question_word_counts(question: str, word: str) -> None:
    assert question_word(question) == word


def test_the_rows_are_scored_by_question_word() -> None:
    asked = ["who came?", "what came?", "when?", "did it?"] * 6
    rows = SplitRows(LABELS, [None] * 24, lambda: [{"question": one, "context": CONTEXT} for one in asked])
    (section,) = SpanJudge(CODEC).by_content(rows, ANSWERS, Draws(1, 0))
    scored = section.json["by_question_word"]
    assert list(scored) == ["what", "when", "who", "other"]
    assert [one["rows"] for one in scored.values()] == [6] * 4
    whos = ANSWERS[np.arange(24) % 4 == 0]
    expected = point_scores(SpanJudge(CODEC), LABELS[::4], whos)
    assert {name: scored["who"][name] for name in expected} == pytest.approx(expected)
    nothing = SplitRows(LABELS, [None] * 24, lambda: [{"question": "did it?", "context": CONTEXT}] * 24)
    assert SpanJudge(CODEC).by_content(nothing, ANSWERS, Draws(1, 0)) == []
