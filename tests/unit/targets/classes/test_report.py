"""The report of a classifier: complete, safe, self-contained and the same bytes each time."""

import base64
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from finetrail.evaluation.report.figures import Curve, Panel
from finetrail.evaluation.report.gallery import Gallery
from finetrail.evaluation.report.page import MISTAKES, Report, as_seen, page
from finetrail.evaluation.report.previews import Preview
from finetrail.evaluation.scores.bootstrap import Ints
from finetrail.evaluation.selection import Standing
from finetrail.targets.classes import METRICS
from finetrail.targets.classes.codec import ClassCodec
from finetrail.targets.classes.evaluation import ClassEvaluation
from finetrail.targets.classes.report import CLASSES
from finetrail.targets.logits import Logits
from tests.unit.evaluation.report.pages import DRAWS, HOSTILE, TEXT, Page, image, report_of, section


def evaluated(ids: list[str], y_true: Ints, logits: Logits, labels: list[str]) -> ClassEvaluation:
    codec = ClassCodec(tuple(labels))
    rows = pd.DataFrame({"id": ids, "label": [labels[number] for number in y_true]})
    return codec.judge.evaluate(rows, logits, DRAWS, {})


def measured(labels: list[str], rows: int = 120, sharp: float = 1.0) -> ClassEvaluation:
    rng = np.random.default_rng(0)
    y_true = np.arange(rows) % len(labels)
    logits = rng.normal(size=(rows, len(labels))).astype(np.float32)
    logits[np.arange(rows), y_true] += sharp
    return evaluated([f"id{row}" for row in range(rows)], y_true, logits, labels)


def report(evaluation: ClassEvaluation, preview: Preview | None = TEXT, name: str = "lora", **changes: Any) -> Report:
    standings = [
        Standing("full", 0.71, 0.69, 0.73, 0.0, 0.0, 0.0, 9000, 9000),
        Standing(name, 0.70, 0.68, 0.72, 0.01, -0.01, 0.03, 100, 9100),
    ]
    return report_of(evaluation, preview, standings, METRICS[-1], **changes)


@pytest.mark.parametrize("classes", [2, 3, 20, 50, 60])
def test_every_section_is_there_and_the_elements_nest(classes: int) -> None:
    evaluation = measured([f"class {k}" for k in range(classes)])
    made = report(evaluation)
    found = Page(page(made))
    assert found.open == []
    assert found.anchors == found.sections
    assert found.sections == {
        f"#{name}"
        for name in (
            "confusion",
            "classes",
            "calibration",
            "abstaining",
            "mistakes",
            "choice",
            "seen",
            "data",
            "lineage",
        )
    }
    assert len(found.all("svg")) == 4
    for expected in (
        "Animals",
        f"text-classification · {classes} classes · 120 test rows",
        f"{evaluation.metrics['macro_f1'].value:.3f}",
        f"{evaluation.metrics['macro_f1'].low:.3f} to",
        made.choice.reason.replace("`", ""),
        "1,234 rows were ingested, 30 of them quarantined by validation and 4 when the data was split",
        "2 groups of equal rows and 3 links between nearly equal rows",
        "4 rows were removed",
        "measured: minhash, shingle words 5, threshold 0.8.",
        "cc33",
        "abc123",
        evaluation.worst[0].id,
    ):
        assert expected in found.shown
    assert ("Shown are the 50 of 60 classes" in found.shown) == (classes == 60)


def test_a_tile_a_metric_and_those_of_calibration_and_loss() -> None:
    evaluation = measured(["a", "b"])
    tiles = report(evaluation).story.tiles
    assert [(one.name, one.value) for one in tiles] == [
        *(
            (name, f"{evaluation.metrics[key].value:.3f}")
            for name, key in (
                ("Accuracy", "accuracy"),
                ("Macro precision", "macro_precision"),
                ("Macro recall", "macro_recall"),
                ("Macro F1", "macro_f1"),
            )
        ),
        ("Calibration error", f"{evaluation.calibrated.after.ece:.3f}"),
        ("Loss", f"{evaluation.loss:.3f}"),
    ]
    assert tiles[-1].notes == (f"guessing gives {np.log(2):.3f}",)


def test_hostile_text_is_shown_and_not_obeyed() -> None:
    evaluation = measured([HOSTILE, "b" + HOSTILE, "c"])
    html = page(
        report(
            evaluation,
            Preview(HOSTILE),
            name=HOSTILE,
            project=HOSTILE,
            model=HOSTILE,
            task=HOSTILE,
            seen=[(HOSTILE, as_seen(Preview(HOSTILE)))],
            lineage={HOSTILE: HOSTILE},
            panels=[Panel(HOSTILE, (Curve(HOSTILE, ((1, 1.0),)),))],
        )
    )
    assert Page(page(report(evaluation, image()))).open == []
    found = Page(html)
    assert found.open == []
    assert not {"script", "img"} & {tag for tag, _ in found.tags}
    assert not [name for _, attributes in found.tags for name in attributes if name.startswith("on")]
    assert "<script>alert('x')</script>" in found.text
    # Hostile text must not add or remove an element.
    harmless = measured(["a", "ba", "c"])
    assert [one.id for one in harmless.worst] == [one.id for one in evaluation.worst]
    changes: dict[str, Any] = {"lineage": {"k": "v"}, "panels": [Panel("p", (Curve("c", ((1, 1.0),)),))]}
    other = Page(page(report(harmless, Preview("t"), name="n", **changes)))
    assert [tag for tag, _ in found.tags] == [tag for tag, _ in other.tags]


def test_nothing_is_fetched() -> None:
    html = page(report(measured(["a", "b"])))
    illustrated = page(report(measured(["a", "b"]), image()))
    assert "content=\"default-src 'none'; style-src 'unsafe-inline'; img-src data:\"" in html
    assert not re.search(r"https?:|url\(|@import|<link|\ssrc=\"(?!data:image/png;base64,)", illustrated)
    assert not re.search(r"https?:|url\(|@import|<link|\ssrc=", html)


def test_equal_input_gives_equal_bytes_in_another_process() -> None:
    code = (
        "import hashlib; from tests.unit.targets.classes.test_report import measured, page, report; "
        "print(hashlib.sha256(page(report(measured(list('abcde')))).encode()).hexdigest())"
    )
    root = Path(__file__).parents[4]
    found = {
        subprocess.run(
            [sys.executable, "-c", code], cwd=root, env={"PYTHONHASHSEED": seed}, capture_output=True, check=True
        ).stdout
        for seed in ("1", "2")
    }
    assert len(found) == 1


def test_a_perfect_model_has_no_mistakes_to_show() -> None:
    found = Page(page(report(measured(["a", "b"], sharp=50.0))))
    assert "No test row was answered wrongly." in found.text
    assert "most frequent mistake" not in found.text


def test_a_class_without_test_rows_is_shown_last() -> None:
    logits = np.random.default_rng(0).normal(size=(4, 3))
    html = page(report(evaluated(list("abcd"), np.array([0, 1, 0, 1]), logits, ["x", "y", "none"])))
    table = html[html.index('id="classes"') : html.index('id="calibration"')]
    assert table.index(">none<") > max(table.index(">x<"), table.index(">y<"))


def test_metrics_json_gets_what_is_known_of_each_class_and_of_the_calibration() -> None:
    evaluation = measured(["a", "b", "c"])
    added = evaluation.story(Gallery({})).json
    assert set(added) == {"per_class", "calibration", "abstaining"}
    assert list(added["per_class"]) == ["a", "b", "c"]
    assert set(added["per_class"]["a"]) == {"precision", "recall", "f1", "support"}
    measured_once = {"ece", "brier", "nll", "confidence"}
    assert set(added["calibration"]) == {*measured_once, "bins", "temperature", "before"}
    assert set(added["calibration"]["before"]) == measured_once
    assert evaluation.more == {"loss": evaluation.loss}


def test_images_are_shown_as_cards_by_class_and_as_training_saw_them() -> None:
    evaluation = measured(["cat", "dog", "owl"])
    html = page(report(evaluation, image()))
    found = Page(html)
    assert found.open == []
    assert found.anchors == found.sections
    images = found.all("img")
    assert {one["src"] for one in images} == {"data:image/png;base64," + base64.b64encode(image().image).decode()}
    assert all(one["alt"] and one["class"] == "crisp" for one in images)
    mistakes = evaluation.worst[:MISTAKES]
    cards = section(html, "mistakes")
    assert [one["alt"] for one in cards.all("img")] == [f"{one.actual} taken for {one.predicted}" for one in mistakes]
    assert {one["width"] for one in cards.all("img")} == {"128"}
    for one in mistakes:
        said = (
            f"answered {100 * one.confidence:.1f}% {one.predicted} actual {100 * one.given_to_actual:.1f}% {one.actual}"
        )
        assert f"{said} {one.id}" in cards.shown
    examples = section(html, "examples")
    assert len(examples.all("img")) == 30
    missed = [attributes for attributes in examples.all("span") if attributes.get("class") == "missed"]
    assert len(missed) == sum(", taken for " in str(one["alt"]) for one in examples.all("img")) > 0
    assert len(section(html, "seen").all("img")) == 8
    assert len(section(html, "confusion").all("img")) > 6


def test_texts_have_no_examples_of_each_class_and_show_where_training_cut_them() -> None:
    long = "first " + "and on " * 100 + "last"
    html = page(report(measured(["a", "b"]), seen=[("a", as_seen(Preview(long)))]))
    assert 'id="examples"' not in html
    assert "<img" not in html
    assert re.search(r"first and on .*… .*and on last", section(html, "seen").shown)


@pytest.mark.parametrize("classes", [41, 300])
def test_many_classes_keep_the_page_small(classes: int) -> None:
    evaluation = measured([f"class {k}" for k in range(classes)], rows=2000)
    html = page(report(evaluation, image(noise=True)))
    assert f"shown are {CLASSES} of {classes} classes" in section(html, "examples").text
    assert len(evaluation.wanted) <= 50 + 60 + 4 * CLASSES
    assert len(html) < 2_500_000


@pytest.mark.parametrize(
    ("preview", "expected"),
    [
        (image(28, 28), ("112", "112", True)),
        (image(3, 64), ("6", "128", True)),
        (image(1, 1), ("128", "128", True)),
        (image(128, 96, "JPEG"), ("128", "96", False)),
        (image(700, 90, noise=True), ("128", "17", False)),  # too large: shrunk to 160 pixels, fitted into 128
    ],
)
def test_small_images_are_enlarged_by_whole_numbers_and_large_ones_fitted(
    preview: Preview, expected: tuple[str, str, bool]
) -> None:
    first = section(page(report(measured(["a", "b"]), preview)), "mistakes").all("img")[0]
    assert (first["width"], first["height"], "class" in first) == expected
    assert len(str(first["src"])) < 20_000


def test_one_test_row_and_a_preview_that_is_missing() -> None:
    one = evaluated(["x"], np.array([0]), np.array([[0.0, 1.0]]), ["a", "b"])
    html = page(report(one, image()))
    assert "answered wrongly" not in section(html, "confusion").text
    assert len(section(html, "mistakes").all("figure")) == 1
    bare = page(report(one, None, seen=[]))
    assert "(empty text)" in bare
    assert 'id="seen"' not in bare
