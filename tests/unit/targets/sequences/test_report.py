"""The report on texts: complete, safe, the same bytes each time, and of any texts."""

import numpy as np
import pandas as pd
import pytest
import sacrebleu

from finetrail.evaluation.report.gallery import Gallery
from finetrail.evaluation.report.page import Report, page
from finetrail.evaluation.report.previews import Preview
from finetrail.evaluation.scores.bootstrap import Draws
from finetrail.evaluation.selection import Standing
from finetrail.evaluation.slices import SplitRows
from finetrail.targets.sequences import TRANSLATIONS
from finetrail.targets.sequences.codec import SequenceAnswers
from finetrail.targets.sequences.evaluation import SequenceEvaluation
from finetrail.targets.sequences.judge import unsure
from finetrail.targets.sequences.marked import marked
from finetrail.targets.target import metric_named
from tests.unit.evaluation.report.pages import HOSTILE, TEXT, Page, report_of, section

LABELS = [f"the {'very ' * (row % 9)}old house number {row}" for row in range(120)]
SAID = [label.replace("old", "new") if row % 2 else label for row, label in enumerate(LABELS)]
STANDINGS = [Standing("full", 0.7, 0.6, 0.8, 0.0, 0.0, 0.0, 9, 9)]


def measured(labels: list[str], said: list[str], groups: list[str] | None = None) -> SequenceEvaluation:
    rows = pd.DataFrame({"id": [f"id{row:03d}" for row in range(len(labels))], "label": labels})
    rows = rows if groups is None else rows.assign(group=groups)
    zeros = np.zeros(len(said))
    answers = SequenceAnswers(said, zeros - 0.5, zeros, zeros.astype(np.int64), np.arange(len(said)) % 4 == 3)
    judge = TRANSLATIONS.codec({"tokenizer": "13a"}).judge
    return judge.evaluate(rows, answers, Draws(50, seed=0), {})


def report(evaluation: SequenceEvaluation, preview: Preview = TEXT) -> Report:
    metric = metric_named(TRANSLATIONS.metrics, "chrf")
    return report_of(evaluation, preview, STANDINGS, metric, task="translation", rows=evaluation.rows)


def test_every_section_is_there_and_the_elements_nest() -> None:
    evaluation = measured(LABELS, SAID)
    html = page(report(evaluation))
    found = Page(html)
    assert found.open == []
    assert found.anchors == found.sections
    assert {"#counted", "#lengths", "#mistakes"} <= found.sections
    for expected in (
        f"The answers to 120 rows reach chrF {evaluation.metrics['chrf'].value:.3f}, BLEU",
        "and 50.0% are exactly the reference",
        "25.0% were cut by the limit of length",
        evaluation.signatures["bleu"],
        evaluation.worst[0].id,
    ):
        assert expected in found.shown
    assert html == page(report(measured(LABELS, SAID)))


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (["we propose a method"] * 120, "they are one and the same text, the references 120"),
        ([f"method {row % 30}" for row in range(120)], "they are only 30 different texts, the references 120"),
        (LABELS, "They are 100% as long as the references on the whole; 25.0% were cut"),
    ],
    ids=["one", "few", "all"],
)
def test_a_model_that_gives_few_answers_is_seen_at_once(said: list[str], expected: str) -> None:
    assert expected in Page(page(report(measured(LABELS, said)))).shown


def test_the_metric_to_choose_by_is_the_first_tile() -> None:
    assert [one.name for one in report(measured(LABELS, SAID)).story.tiles][:2] == ["chrF", "ROUGE-L"]


def test_the_worst_rows_come_first_with_their_differences_marked() -> None:
    labels, said = ["one two three four", "a b c"], ["one 2 three four", "x y z"]
    shown = section(page(report(measured(labels, said))), "mistakes").shown
    assert shown.index("x y z") < shown.index("one 2 three four")
    ours, theirs = marked(*(texts[0] for texts in (labels, said)))
    assert [piece for piece in ours if not piece.shared] == [("two ", False)]
    assert [piece for piece in theirs if not piece.shared] == [("2 ", False)]
    assert "".join(piece.text for piece in ours) == labels[0]


@pytest.mark.parametrize("text", ["", "  ", " leading and trailing ", "一二三", "a\n\tb"])
def test_the_pieces_of_a_text_are_the_text(text: str) -> None:
    for one, other in ((text, "a b 三"), ("a b 三", text)):
        assert tuple("".join(piece.text for piece in pieces) for pieces in marked(one, other)) == (one, other)


def test_loops_and_refusals_are_counted_in_answers_and_references() -> None:
    said = ["and so on " * 9 if row % 4 in (0, 3) else "Sorry, no." for row in range(120)]
    evaluation = measured(["Sorry, we are closed", *LABELS[1:]], said)
    shares = {name: (one.answers, one.references) for name, one in evaluation.habits.items()}
    assert shares["looping"] == (0.5, 0.0)
    assert shares["looping_cut"] == (0.25, None), "every fourth is cut"
    assert shares["refusing"] == (0.5, 1 / 120)
    shown = Page(page(report(evaluation))).shown
    assert "50.0% end in a loop; 50.0% refuse" in shown
    assert "per token" not in shown, "no training told of a perplexity"
    judge = TRANSLATIONS.codec({"tokenizer": "13a", "refusal_pattern": "(?i)house"}).judge
    rows = pd.DataFrame({"id": map(str, range(120)), "label": LABELS})
    told = judge.evaluate(rows, unsure(LABELS), Draws(5, seed=0), {"val": {"loss": 2.5055, "perplexity": 12.25}})
    assert told.habits["refusing"].answers == 1
    shown = Page(page(report(told))).shown
    assert "a perplexity of 12.25 per token (loss 2.506)" in shown
    assert "refuses where (?i)house is found" in shown


def test_the_metric_is_told_by_the_length_of_the_sources() -> None:
    sources = ["word " * (1 + row // 40) for row in range(120)]
    rows = SplitRows(LABELS, [None] * 120, lambda: sources)
    judge = TRANSLATIONS.codec({"tokenizer": "13a"}).judge
    (section,) = judge.by_content(rows, unsure(SAID), Draws(20, seed=0))
    ranges = section.json["source_lengths"]
    assert [(one["low"], one["high"], one["rows"]) for one in ranges] == [(5, 5, 40), (10, 10, 40), (15, 15, 40)]
    for place, one in enumerate(ranges):
        inside = slice(40 * place, 40 * (place + 1))
        expected = sacrebleu.corpus_chrf(SAID[inside], [LABELS[inside]]).score / 100
        assert one["value"]["value"] == pytest.approx(expected)
    assert "Characters of the source" in section.html


def test_hostile_words_stay_words() -> None:
    found = Page(page(report(measured([HOSTILE] * 2, ["fine", HOSTILE[:40]]), Preview(HOSTILE))))
    assert found.open == []
    assert not {"script", "img"} & {tag for tag, _ in found.tags}


@pytest.mark.parametrize(
    ("labels", "said"),
    [(["a"], [""]), (["a"], ["a"]), (["same"] * 60, ["same"] * 60), (["a", "b" * 9000], ["", "c" * 9000])],
    ids=["nothing said", "all right", "one length", "very long"],
)
def test_any_texts_make_a_page(labels: list[str], said: list[str]) -> None:
    evaluation = measured(labels, said)
    found = Page(page(report(evaluation)))
    assert found.open == []
    assert "nan" not in found.shown.split()
    assert sum(one.rows for one in evaluation.lengths) == len(labels)


def test_intervals_are_drawn_by_group_where_there_are_groups() -> None:
    halves = ["one" if row % 2 else "two" for row in range(120)]
    alone, grouped = measured(LABELS, SAID), measured(LABELS, SAID, halves)
    assert "drawn by 2 groups" in Page(page(report(grouped))).shown
    width = [one.metrics["exact_match"].high - one.metrics["exact_match"].low for one in (alone, grouped)]
    assert width == [pytest.approx(0.2, abs=0.1), 1.0]


def test_metrics_json_and_errors_csv_get_all_that_is_measured_besides_the_metrics() -> None:
    evaluation = measured(LABELS, SAID)
    added = evaluation.story(Gallery({})).json
    assert set(added) == {"sacrebleu", "lengths"}
    assert added["sacrebleu"]["bleu"]["signature"] == evaluation.signatures["bleu"]
    none = dict.fromkeys(("empty", "looping", "looping_cut", "refusing"), 0.0) | {"cut": 0.25, "different": 1.0}
    assert evaluation.more == {f"{name}_answers": share for name, share in none.items()}
    assert list(evaluation.metrics) == [metric.name for metric in TRANSLATIONS.metrics]
    assert set(evaluation.plots()) == {"lengths", "by_length"}
    written = evaluation.mistakes(dict.fromkeys(evaluation.wanted, TEXT))
    assert list(written) == ["id", "content", "actual", "predicted", "chrf", "score", "cut"]
    assert len(written) == 50
    assert written["chrf"].is_monotonic_increasing
