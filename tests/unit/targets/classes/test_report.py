"""The report: complete, safe, self-contained and the same bytes each time."""

import base64
import io
import re
import subprocess
import sys
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from finetrail.errors import ModelError
from finetrail.evaluation.report.figures import Curve, Panel, confusion_figure, curves_figure
from finetrail.evaluation.report.page import MISTAKES, Report, SplitFacts
from finetrail.evaluation.report.previews import Preview, Seen
from finetrail.evaluation.selection import Selection, Standing, choose
from finetrail.targets.classes.evaluation import Evaluation, evaluate
from finetrail.targets.classes.report import CLASSES, render, wanted

HOSTILE = "</style></svg></td><script>alert('x')</script><img src=//evil.example/x onerror=alert(1)>\x00\x1b&amp;\""
VOID = {"meta", "br", "img", "link", "input", "hr"}


def _evaluation(labels: list[str], rows: int = 120, sharp: float = 1.0) -> Evaluation:
    rng = np.random.default_rng(0)
    y_true = np.arange(rows) % len(labels)
    logits = rng.normal(size=(rows, len(labels))).astype(np.float32)
    logits[np.arange(rows), y_true] += sharp
    ids = [f"id{row}" for row in range(rows)]
    return evaluate(ids, y_true, logits, labels, confidence=0.95, resamples=100, seed=0)


def _report(labels: list[str], text: str = "a text", name: str = "lora", **changes: Any) -> Report[Evaluation]:
    standings = [
        Standing("full", 0.71, 0.69, 0.73, 0.0, 0.0, 0.0, 9000, 9000),
        Standing(name, 0.70, 0.68, 0.72, 0.01, -0.01, 0.03, 100, 9100),
    ]
    evaluation = changes.pop("evaluation", None) or _evaluation(labels)
    report = Report(
        project="Animals",
        task="text-classification",
        model="a tiny encoder",
        evaluation=evaluation,
        previews=dict.fromkeys(wanted(evaluation), Preview(text)),
        seen=[Seen(labels[0], Preview(text))],
        choice=choose(standings, Selection()),
        panels=[Panel("Loss", (Curve("training", ((1, 2.0), (2, 1.0))), Curve("validation", ((1, 2.1),))), best=2)],
        split=SplitFacts.from_json(
            {
                "method": "stratified",
                "near": {"method": "minhash", "threshold": 0.8, "shingle_words": 5},
                "rows": {
                    "ingested": 1234,
                    "quarantined_by_validation": 30,
                    "quarantined_by_split": 4,
                    "train": 900,
                    "val": 180,
                    "test": 120,
                },
                "sha256": {"train": "aa11", "val": "bb22", "test": "cc33"},
                "leakage": {"exact_groups": 2, "near_pairs": 3, "removed": [{"id": "x"}] * 4},
            }
        ),
        lineage={"git commit": "abc123", "params": "def456"},
    )
    return replace(report, **changes)


class _Page(HTMLParser):
    """Collects the elements, checks that they nest, and keeps the text that is shown."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.mark.parametrize("classes", [2, 3, 20, 50, 60])
def test_every_section_is_there_and_the_elements_nest(classes: int) -> None:
    report = _report([f"class {k}" for k in range(classes)])
    page = _Page(render(report))
    assert page.open == []
    anchors = {attributes["href"] for tag, attributes in page.tags if tag == "a"}
    assert anchors == {f"#{attributes['id']}" for tag, attributes in page.tags if tag == "section"}
    assert sum(tag == "svg" for tag, _ in page.tags) == 3
    shown = " ".join(page.text.split())
    for expected in (
        "Animals",
        f"{report.evaluation.metrics['macro_f1'].value:.3f}",
        f"{report.evaluation.metrics['macro_f1'].low:.3f} to",
        report.choice.reason.replace("`", ""),
        "1,234 rows were ingested, 30 of them quarantined by validation and 4 when the data was split",
        "2 groups of equal rows and 3 links between nearly equal rows",
        "4 rows were removed",
        "measured: minhash, shingle words 5, threshold 0.8.",
        "cc33",
        "abc123",
        report.evaluation.mistakes[0].id,
    ):
        assert expected in shown
    assert ("Shown are the 50 of 60 classes" in shown) == (classes == 60)


def test_hostile_text_is_shown_and_not_obeyed() -> None:
    report = _report(
        [HOSTILE, "b" + HOSTILE, "c"],
        text=HOSTILE,
        name=HOSTILE,
        project=HOSTILE,
        model=HOSTILE,
        task=HOSTILE,
        lineage={HOSTILE: HOSTILE},
        panels=[Panel(HOSTILE, (Curve(HOSTILE, ((1, 1.0),)),))],
    )
    html = render(report)
    assert _Page(render(_illustrated([HOSTILE, "b" + HOSTILE, "c"]))).open == []
    page = _Page(html)
    assert page.open == []
    assert not {"script", "img"} & {tag for tag, _ in page.tags}
    assert not [name for _, attributes in page.tags for name in attributes if name.startswith("on")]
    assert "<script>alert('x')</script>" in page.text
    assert [tag for tag, _ in page.tags] == [tag for tag, _ in _Page(render(_replaced(report))).tags]


def _replaced(report: Report[Evaluation]) -> Report[Evaluation]:
    """Return the same report with harmless text: hostile text must not add or remove an element."""
    harmless = _report(
        ["a", "ba", "c"],
        text="t",
        name="n",
        lineage={"k": "v"},
        panels=[Panel("p", (Curve("c", ((1, 1.0),)),))],
    )
    assert [one.id for one in harmless.evaluation.mistakes] == [one.id for one in report.evaluation.mistakes]
    return harmless


def test_nothing_is_fetched() -> None:
    html = render(_report(["a", "b"]))
    illustrated = render(_illustrated(["a", "b"]))
    assert "content=\"default-src 'none'; style-src 'unsafe-inline'; img-src data:\"" in html
    assert not re.search(r"https?:|url\(|@import|<link|\ssrc=\"(?!data:image/png;base64,)", illustrated)
    assert not re.search(r"https?:|url\(|@import|<link|\ssrc=", html)


def test_equal_input_gives_equal_bytes_in_another_process() -> None:
    code = (
        "import hashlib, sys; sys.path.insert(0, sys.argv[1]); from test_report import _report; "
        "from finetrail.targets.classes.report import render; "
        "print(hashlib.sha256(render(_report(list('abcde'))).encode()).hexdigest())"
    )
    command = [sys.executable, "-c", code, str(Path(__file__).parent)]
    found = {
        subprocess.run(command, env={"PYTHONHASHSEED": seed}, capture_output=True, check=True).stdout
        for seed in ("1", "2")
    }
    assert len(found) == 1


def test_a_perfect_model_has_no_mistakes_to_show() -> None:
    report = _report(["a", "b"], evaluation=_evaluation(["a", "b"], sharp=50.0))
    page = _Page(render(report))
    assert "No test row was answered wrongly." in page.text
    assert "most frequent mistake" not in page.text


def test_a_class_without_test_rows_is_shown_last() -> None:
    rng = np.random.default_rng(0)
    evaluation = evaluate(
        list("abcd"), np.array([0, 1, 0, 1]), rng.normal(size=(4, 3)), ["x", "y", "none"],
        confidence=0.9, resamples=100, seed=0,
    )  # fmt: skip
    html = render(_report(["x", "y"], evaluation=evaluation))
    table = html[html.index('id="classes"') : html.index('id="calibration"')]
    assert table.index(">none<") > max(table.index(">x<"), table.index(">y<"))


def test_json_of_the_evaluation_holds_the_contract() -> None:
    evaluation = _evaluation(["a", "b", "c"])
    value = evaluation.as_json("test")
    assert set(value) == {"test", "intervals", "per_class", "calibration"}
    assert value["test"] == {name: one.value for name, one in evaluation.metrics.items()} | {"loss": evaluation.loss}


def test_an_answer_that_is_not_finite_is_refused() -> None:
    with pytest.raises(ModelError, match=r"answers 1 of 2 rows with NaN or infinity.*learning rate"):
        evaluate(
            ["a", "b"], np.array([0, 1]), np.array([[0.0, np.nan], [0.0, 1.0]]), ["x", "y"],
            confidence=0.9, resamples=100, seed=0,
        )  # fmt: skip


def _image(width: int = 32, height: int = 32, kind: str = "PNG", noise: bool = False) -> Preview:
    pixels = np.random.default_rng(width).integers(0, 256, (height, width, 3), dtype=np.uint8)
    file = io.BytesIO()
    Image.fromarray(pixels if noise else pixels // 64 * 64).save(file, kind)
    return Preview(image=file.getvalue())


def _illustrated(labels: list[str], image: Preview | None = None, **changes: Any) -> Report[Evaluation]:
    report = _report(labels, **changes)
    image = image or _image()
    return replace(report, previews=dict.fromkeys(report.previews, image), seen=[Seen(labels[0], image)] * 8)


def _section(html: str, name: str) -> _Page:
    start = html.index(f'<section id="{name}">')
    return _Page(html[start : html.index("</section>", start) + len("</section>")])


def test_images_are_shown_as_cards_by_class_and_as_training_saw_them() -> None:
    report = _illustrated(["cat", "dog", "owl"])
    html = render(report)
    page = _Page(html)
    assert page.open == []
    anchors = {attributes["href"] for tag, attributes in page.tags if tag == "a"}
    assert anchors == {f"#{attributes['id']}" for tag, attributes in page.tags if tag == "section"}
    images = [attributes for tag, attributes in page.tags if tag == "img"]
    assert {image["src"] for image in images} == {"data:image/png;base64," + base64.b64encode(_image().image).decode()}
    assert all(image["alt"] and image["class"] == "crisp" for image in images)
    mistakes = report.evaluation.mistakes[:MISTAKES]
    cards = _section(html, "mistakes")
    assert [attributes["alt"] for tag, attributes in cards.tags if tag == "img"] == [
        f"{one.actual} taken for {one.predicted}" for one in mistakes
    ]
    assert {attributes["width"] for tag, attributes in cards.tags if tag == "img"} == {"128"}
    shown = " ".join(cards.text.split())
    for one in mistakes:
        said = (
            f"answered {100 * one.confidence:.1f}% {one.predicted} actual {100 * one.given_to_actual:.1f}% {one.actual}"
        )
        assert f"{said} {one.id}" in shown
    examples = [attributes for tag, attributes in _section(html, "examples").tags if tag == "img"]
    assert len(examples) == 30
    missed = [attributes for tag, attributes in _section(html, "examples").tags if attributes.get("class") == "missed"]
    assert len(missed) == sum(", taken for " in str(one["alt"]) for one in examples) > 0
    assert sum(tag == "img" for tag, _ in _section(html, "seen").tags) == 8
    assert sum(tag == "img" for tag, _ in _section(html, "confusion").tags) > 6


def test_texts_have_no_examples_of_each_class_and_show_where_training_cut_them() -> None:
    long = "first " + "and on " * 100 + "last"
    html = render(_report(["a", "b"], seen=[Seen("a", Preview(long))]))
    assert 'id="examples"' not in html
    assert "<img" not in html
    assert re.search(r"first and on .*… .*and on last", " ".join(_section(html, "seen").text.split()))


@pytest.mark.parametrize("classes", [41, 300])
def test_many_classes_keep_the_page_small(classes: int) -> None:
    report = _illustrated(
        [f"class {k}" for k in range(classes)],
        _image(noise=True),
        evaluation=_evaluation([f"class {k}" for k in range(classes)], rows=2000),
    )
    html = render(report)
    assert f"shown are {CLASSES} of {classes} classes" in _section(html, "examples").text
    assert len(wanted(report.evaluation)) <= 50 + 60 + 4 * CLASSES
    assert len(html) < 2_500_000


@pytest.mark.parametrize(
    ("image", "expected"),
    [
        (_image(28, 28), ("112", "112", True)),
        (_image(3, 64), ("6", "128", True)),
        (_image(1, 1), ("128", "128", True)),
        (_image(128, 96, "JPEG"), ("128", "96", False)),
        (_image(700, 90, noise=True), ("128", "17", False)),  # too large: shrunk to 160 pixels, fitted into 128
    ],
)
def test_small_images_are_enlarged_by_whole_numbers_and_large_ones_fitted(
    preview: Preview, expected: tuple[str, str, bool]
) -> None:
    cards = _section(render(_illustrated(["a", "b"], preview)), "mistakes")
    image = next(attributes for tag, attributes in cards.tags if tag == "img")
    assert (image["width"], image["height"], "class" in image) == expected
    assert len(str(image["src"])) < 20_000


def test_one_test_row_and_a_preview_that_is_missing() -> None:
    labels = ["a", "b"]
    one = evaluate(["x"], np.array([0]), np.array([[0.0, 1.0]]), labels, confidence=0.9, resamples=100, seed=0)
    report = _illustrated(labels, evaluation=one)
    assert "answered wrongly" not in _section(render(report), "confusion").text
    assert sum(tag == "figure" for tag, _ in _section(render(report), "mistakes").tags) == 1
    bare = render(replace(report, previews={}, seen=[]))
    assert "(empty text)" in bare
    assert 'id="seen"' not in bare


def test_a_preview_that_a_browser_must_not_guess_at_is_refused() -> None:
    with pytest.raises(ValueError, match=r"starts with b'<svg xml'; it must be PNG, JPEG or WebP"):
        render(_illustrated(["a", "b"], Preview(image=b"<svg xmlns='http://www.w3.org/2000/svg'/>")))


def test_small_matrices_show_counts_and_large_ones_do_not() -> None:
    few = confusion_figure(np.eye(25, dtype=np.int64) * 3, [f"c{k}" for k in range(25)])
    many = confusion_figure(np.eye(26, dtype=np.int64) * 3, [f"c{k}" for k in range(26)])
    assert (few.count(">3</text>"), many.count(">3</text>")) == (25, 0)
    assert "c25 → c25: 3 of 3 rows (100.0%)" in many


def test_curves_without_a_finite_point_are_left_out() -> None:
    assert curves_figure(Panel("Loss", (Curve("training", ((1, float("nan")),)),))) is None
    assert curves_figure(Panel("Loss", ())) is None
    flat = curves_figure(Panel("Loss", (Curve("training", ((1, 0.0), (2, 0.0))),)))
    assert flat is not None
    assert "nan" not in flat
