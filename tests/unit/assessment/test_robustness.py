"""Robustness of models that one can see through: what they ignore changes no answer, what they read does."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import torch

from finetrail.assessment.curves.scores import Curves, measured
from finetrail.assessment.robustness.assessing import said
from finetrail.assessment.robustness.perturbed import WAYS
from finetrail.contents.text.settings import TextBackbone
from finetrail.evaluation.scores.bootstrap import Draws, point_scores
from finetrail.evaluation.scores.metric import Metric
from finetrail.serving.predictions import read_predictions
from finetrail.targets.class_sets import CLASS_SETS
from finetrail.targets.classes import CLASSES
from finetrail.targets.numbers import NUMBERS
from finetrail.targets.tags import TAGS
from finetrail.targets.target import Target
from finetrail.tasks.registry import get_task
from finetrail.workspace import Workspace
from tests.unit.assessment import workspaces
from tests.unit.red_or_blue import NAME

F1 = CLASSES.metrics[-1]
DRAWS = Draws(resamples=100, seed=0)


@pytest.fixture(scope="module")
def coloured(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """Read only."""
    return workspaces.coloured(tmp_path_factory.mktemp("coloured"), F1)


def assessed(workspace: Workspace, tmp_path: Path, **settings: Any) -> tuple[dict[str, Any], list[str]]:
    """The numbers that are written, and the lines that were told."""
    written, lines, finding = workspaces.assessed(workspace, tmp_path, "robustness", settings)
    assert finding == said(written)
    return written, lines


def test_what_the_model_ignores_changes_no_answer_and_what_alone_it_reads_changes_half(
    coloured: Workspace, tmp_path: Path
) -> None:
    written, lines = assessed(coloured, tmp_path, perturbations=["grey", "flip"], severities=[1, 5])
    assert written["clean"] == 1.0
    flip, grey = written["perturbations"]["flip"], written["perturbations"]["grey"]
    assert flip["flip_rate"] == flip["mean_drop"] == 0
    # Without any colour all rows look alike: whatever the answer, it is another one for half of them.
    last = grey["severities"][-1]
    assert (last["severity"], last["flip_rate"]) == (5, 0.5)
    assert last["value"] == pytest.approx(1 / 3)
    assert last["drop"] == pytest.approx(2 / 3)
    assert last["drop_interval"][0] > 0.4
    assert lines == [lines[0]]
    assert lines[0].startswith("24 rows, 2 perturbations at 2 severities: about ")


def test_every_number_can_be_computed_again_from_the_predictions(coloured: Workspace, tmp_path: Path) -> None:
    written, _ = assessed(coloured, tmp_path, perturbations=["grey", "fog"], severities=[3, 5])
    table = read_predictions(coloured.assessment("robustness") / "predictions.parquet")
    assert len(table) == 24 * (1 + 2 * 2)
    codec = CLASSES.codec({"labels": ["blue", "red"]})
    clean = table[table["severity"] == 0]
    answer = dict(zip(clean["id"], np.stack(clean["logits"].tolist()).argmax(axis=1), strict=True))
    for name, one in written["perturbations"].items():
        rates = []
        for level in one["severities"]:
            rows = table[(table["perturbation"] == name) & (table["severity"] == level["severity"])]
            best = np.stack(rows["logits"].tolist()).argmax(axis=1)
            rates.append(np.mean([answer[row] != other for row, other in zip(rows["id"], best, strict=True)]))
            scores = point_scores(codec.judge, rows["label"].tolist(), codec.read(rows))
            assert level["value"] == pytest.approx(scores[F1.name])
            assert level["drop"] == pytest.approx(written["clean"] - scores[F1.name])
            assert level["flip_rate"] == pytest.approx(rates[-1])
        assert one["flip_rate"] == pytest.approx(np.mean(rates))
        assert one["mean_drop"] == pytest.approx(np.mean([level["drop"] for level in one["severities"]]))


def test_the_same_again_is_the_same_bytes(coloured: Workspace, tmp_path: Path) -> None:
    folder = coloured.assessment("robustness")
    found = []
    for _ in range(2):
        assessed(coloured, tmp_path, perturbations=["fog"], severities=[2], max_rows=10)
        found.append({file.name: file.read_bytes() for file in folder.iterdir()})
    assert found[0] == found[1]
    assert set(found[0]) == {"report.html", "predictions.parquet", "robustness.json", "about.json"}
    assert len(read_predictions(folder / "predictions.parquet")) == 20


def test_the_page_stands_alone_and_shows_examples_side_by_side(coloured: Workspace, tmp_path: Path) -> None:
    assessed(coloured, tmp_path, perturbations=["grey", "flip"], severities=[1, 5])
    page = (coloured.assessment("robustness") / "report.html").read_text(encoding="utf-8")
    assert page.count("<svg") == 2
    assert page.count("data:image/png;base64,") == 6, "three examples of grey, before and after; none of flip"
    for words in (
        "macro F1 by severity of Grey",
        "severity (0: as it is)",
        "How to read",
        "No answer changed under Flip.",
    ):
        assert words in page
    assert "<script" not in page
    assert "http" not in page.replace("http-equiv", "")


def answers_of(target: Target, described: dict[str, Any], columns: dict[str, Any]) -> tuple[Any, Any]:
    codec = target.codec(described)
    return codec, codec.read(pd.DataFrame(columns))


@pytest.mark.parametrize(
    ("target", "described", "was", "became", "changed"),
    [
        (CLASSES, {"labels": ["a", "b"]}, {"logits": [[0, 1], [0, 1]]}, {"logits": [[0, 9], [1, 0]]}, [False, True]),
        (
            CLASS_SETS,
            {"labels": ["a", "b"], "thresholds": [0.5, 0.5]},
            {"logits": [[1, -1], [1, -1]]},
            {"logits": [[9, -9], [1, 1]]},
            [False, True],
        ),
        (NUMBERS, {"mean": 0.0, "std": 2.0}, {"prediction": [1.0, 1.0]}, {"prediction": [1.1, 1.3]}, [False, True]),
        (
            TAGS,
            {"types": ["X"], "plain": False},
            {"words": [[0, 2], [0, 2]], "logits": [[0, 1, 0], [0, 1, 0]]},
            {"words": [[0, 2], [0, 2]], "logits": [[0, 5, 0], [1, 0, 0]]},
            [False, True],
        ),
    ],
    ids=["classes", "class sets", "numbers", "tags"],
)
def test_every_target_says_which_answers_are_others(
    target: Target, described: dict[str, Any], was: dict[str, Any], became: dict[str, Any], changed: list[bool]
) -> None:
    arrays = [
        {
            name: [np.array(one, dtype=np.float32) if name == "logits" else one for one in column]
            for name, column in part.items()
        }
        for part in (was, became)
    ]
    (codec, one), (_, other) = (answers_of(target, described, part) for part in arrays)
    assert codec.differ(one, other, codec).tolist() == changed
    assert codec.differ(one, one, codec).tolist() == [False, False]


def numbers_table(shift: float) -> pd.DataFrame:
    """Numbers that are right to 1, and off by a shift where they are perturbed."""
    labels = np.arange(20.0)
    parts = [("", 0, labels + 1), ("p", 1, labels + 1 + shift), ("q", 1, labels + 1)]
    return pd.concat(
        [
            pd.DataFrame(
                {
                    "id": [str(n) for n in range(20)],
                    "candidate": "full",
                    "perturbation": name,
                    "severity": severity,
                    "touched": severity > 0,
                    "label": labels,
                    "prediction": answers,
                }
            )
            for name, severity, answers in parts
        ],
        ignore_index=True,
    )


def test_where_lower_is_better_a_drop_is_a_rise() -> None:
    codec = NUMBERS.codec({"mean": 0.0, "std": 2.0})
    rmse = _metric(NUMBERS.metrics, "rmse")
    assert rmse.lower
    found = measured(Curves(WAYS, codec, numbers_table(3.0), DRAWS), rmse)
    assert [one.name for one in found.results] == ["p", "q"], "the costliest first"
    assert found.clean.value == pytest.approx(1)
    assert found.results[0].drop.value == pytest.approx(3)
    assert (found.results[0].flipped, found.results[1].flipped) == (1.0, 0.0)
    better = measured(Curves(WAYS, codec, numbers_table(-1.0), DRAWS), rmse)
    assert better.results[-1].drop.value == pytest.approx(-1)


def _metric(metrics: Iterable[Metric], name: str) -> Metric:
    return next(one for one in metrics if one.name == name)


def test_labels_that_name_places_get_only_what_keeps_them() -> None:
    from finetrail.assessment.robustness.settings import robustness_of

    tags = robustness_of(get_task("token-classification"))
    assert tags().names == ["typos", "case", "homoglyphs", "ocr", "width", "similar_characters"]
    assert "drop_words" in robustness_of(get_task("text-classification"))().names
    assert "crop" in robustness_of(get_task(NAME))().names


def test_what_users_wrote_is_escaped_in_the_page(tiny_bert: Path, tmp_path: Path) -> None:
    task = get_task("text-classification")
    labels = ["<i>a", "<i>b"]
    workspace = Workspace(tmp_path)
    built = workspaces.text_model(task, {"labels": labels}, tiny_bert, workspace.model("full"))
    texts = [f"<script>alert({number})</script> {'garlic anchor'.split()[number % 2]}" for number in range(30)]
    with torch.no_grad():  # a head that tells the two words apart
        features = built.model.eval().features(built.processor.encode(texts).batch(range(30)))
    centred = features - features.mean(dim=0)
    slope = centred[1::2].mean(dim=0) - centred[::2].mean(dim=0)
    weight = torch.stack([-slope, slope])
    built.model.head.load_state_dict({"weight": weight, "bias": -weight @ features.mean(dim=0)})
    task.save(built, TextBackbone(weights=str(tiny_bert), max_tokens=64), workspace.model("full"))
    rows = {"id": [f"r{number}" for number in range(30)], "text": texts, "label": labels * 15}
    workspaces.chosen(workspace, F1, rows)
    settings = {"perturbations": ["case", "typos"], "severities": [5]}
    written, _, _ = workspaces.assessed(workspace, tmp_path, "robustness", settings, task=task.name)
    assert written["perturbations"]["case"]["flip_rate"] == 0, "its tokenizer drops case"
    assert written["perturbations"]["case"]["severities"][0]["touched"] == 1
    assert written["perturbations"]["typos"]["flip_rate"] > 0
    page = (workspace.assessment("robustness") / "report.html").read_text(encoding="utf-8")
    assert "&lt;script&gt;alert" in page
    assert "&lt;i&gt;a" in page
    assert "<script" not in page.lower()
    assert "<i>" not in page


def test_spans_keep_their_places_and_documents_are_drawn_whole(tiny_bert: Path, tmp_path: Path) -> None:
    task, f1 = get_task("token-classification"), TAGS.metrics[-1]
    workspace = Workspace(tmp_path)
    workspaces.text_model(task, {"types": ["X"], "plain": False}, tiny_bert, workspace.model("full"))
    rows = {
        "id": [f"r{number}" for number in range(20)],
        "text": [f"garlic anchor storm {number} said Bob O'Neil" for number in range(20)],
        "label": pa.array([[{"start": 0, "end": 6, "type": "X"}]] * 20, TAGS.arrow()),
        "group": ["a", "b"] * 10,
    }
    workspaces.chosen(workspace, f1, rows)
    workspaces.assessed(workspace, tmp_path, "robustness", {"severities": [5]}, task=task.name)
    answers = read_predictions(workspace.assessment("robustness") / "predictions.parquet")
    words = {str(list(one)) for row, one in zip(answers["id"], answers["words"], strict=True) if row == "r7"}
    assert len(words) == 1, "the same words, whatever became of their letters"
    assert set(answers["perturbation"]) == {"", "typos", "case", "homoglyphs", "ocr", "width", "similar_characters"}
    assert set(answers["group"]) == {"a", "b"}
