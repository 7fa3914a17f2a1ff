"""Attacks as an assessment: what they cost every kind of target, and numbers that can be computed again."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import torch
from torch.nn import functional

from finetrail.assessment.attacks.attacking import said
from finetrail.evaluation.scores.bootstrap import point_scores
from finetrail.serving.predictions import read_predictions
from finetrail.targets.classes import CLASSES
from finetrail.targets.numbers import NUMBERS
from finetrail.tasks.registry import get_task
from finetrail.workspace import Workspace
from tests.conftest import TOPICS
from tests.unit.assessment.workspaces import assessed, chosen, coloured, text_model

F1 = CLASSES.metrics[-1]
WORDS = [word for topic in TOPICS.values() for word in topic.split()]


@pytest.fixture(scope="module")
def colours(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """Read only."""
    return coloured(tmp_path_factory.mktemp("colours"), F1)


def test_the_more_a_pixel_may_move_the_worse_and_every_number_can_be_computed_again(
    colours: Workspace, tmp_path: Path
) -> None:
    written, lines, finding = assessed(colours, tmp_path, "attacks", {"epsilons": [1, 200]})
    assert finding == said(written)
    assert lines[0].startswith("24 rows, fgsm and pgd at 2 epsilons: about ")
    table = read_predictions(colours.assessment("attacks") / "predictions.parquet")
    assert len(table) == 24 * (1 + 2 * 2)
    codec = CLASSES.codec({"labels": ["blue", "red"]})
    assert written["clean"] == 1.0
    assert set(written["attacks"]) == {"fgsm", "pgd"}
    clean = table[table["epsilon"] == 0]
    answer = dict(zip(clean["id"], np.stack(clean["logits"].tolist()).argmax(axis=1), strict=True))
    for name, one in written["attacks"].items():
        assert [level["epsilon"] for level in one["epsilons"]] == [1, 200]
        assert one["epsilons"][0]["value"] >= one["epsilons"][1]["value"]
        for level in one["epsilons"]:
            rows = table[(table["attack"] == name) & (table["epsilon"] == level["epsilon"])]
            value = point_scores(codec.judge, rows["label"].tolist(), codec.read(rows))[F1.name]
            assert level["value"] == pytest.approx(value)
            assert level["drop"] == pytest.approx(1 - value)
            best = np.stack(rows["logits"].tolist()).argmax(axis=1)
            flipped = np.mean([answer[row] != other for row, other in zip(rows["id"], best, strict=True)])
            assert level["flip_rate"] == pytest.approx(flipped)
            shift = (codec.confidence(codec.read(rows)) - codec.confidence(codec.read(clean))).mean()
            assert level["confidence_shift"] == pytest.approx(shift)
    assert written["attacks"]["pgd"]["epsilons"][1]["value"] < 1, "nearly any pixel may become any other"


def test_the_same_again_is_the_same_bytes(colours: Workspace, tmp_path: Path) -> None:
    folder, found = colours.assessment("attacks"), []
    for _ in range(2):
        assessed(colours, tmp_path, "attacks", {"attacks": ["pgd"], "epsilons": [4]})
        found.append({file.name: file.read_bytes() for file in folder.iterdir()})
    assert found[0] == found[1]
    assert set(found[0]) == {"report.html", "predictions.parquet", "attacks.json", "about.json"}


def test_the_page_shows_curves_and_examples(colours: Workspace, tmp_path: Path) -> None:
    assessed(colours, tmp_path, "attacks", {"epsilons": [200]})
    page = (colours.assessment("attacks") / "report.html").read_text(encoding="utf-8")
    assert page.count("<svg") == 2
    axis = "epsilon (1/255 of the range of a pixel) (0: as it is)"
    for words in ("macro F1 by epsilon of PGD", axis, "Attacks of full"):
        assert words in page
    assert page.count("data:image/png;base64,") >= 2
    assert "<script" not in page


def spans(number: int) -> list[dict[str, Any]]:
    return [{"start": 0, "end": len(WORDS[number]), "type": "X"}]


@pytest.mark.parametrize(
    ("name", "described", "labels"),
    [
        ("text-classification", {"labels": ["a", "b"]}, ["a", "b"] * 12),
        (
            "text-classification multi_label_classification",
            {"labels": ["a", "b"], "thresholds": [0.5, 0.5]},
            [["a"], ["a", "b"]] * 12,
        ),
        ("text-regression", {"mean": 10.0, "std": 0.1}, [float(number) for number in range(24)]),
        ("token-classification", {"types": ["X"], "plain": False}, [spans(number) for number in range(24)]),
    ],
    ids=["classes", "class sets", "numbers", "tags"],
)
def test_every_target_is_attacked_through_its_own_loss(
    name: str, described: Mapping[str, Any], labels: list[Any], tiny_bert: Path, tmp_path: Path
) -> None:
    found = get_task(*name.split())
    metric = found.target.metrics[-1]
    workspace = Workspace(tmp_path)
    texts = [f"{WORDS[number]} , {WORDS[number + 1]} again {WORDS[number + 2]}" for number in range(24)]
    rows = {
        "id": [f"r{number}" for number in range(24)],
        "text": texts,
        "label": pa.array(labels, found.target.arrow()),
    }
    chosen(workspace, metric, rows)
    text_model(found, described, tiny_bert, workspace.model("full"))
    choice = {"name": found.name, "problem_type": found.target.problem_type}
    written, _, _ = assessed(workspace, tmp_path, "attacks", {"epsilons": [1, 3]}, task=choice)
    one, three = written["attacks"]["hotflip"]["epsilons"]
    assert (one["touched"], three["touched"]) == (1.0, 1.0)
    assert written["mean_drop"] >= 0
    assert 0 < three["flip_rate"] <= 1
    table = read_predictions(workspace.assessment("attacks") / "predictions.parquet")
    assert len(table) == 24 * 3
    page = (workspace.assessment("attacks") / "report.html").read_text(encoding="utf-8")
    assert '<mark class="other">' in page


def test_the_loss_of_a_finished_regression_is_that_of_its_training() -> None:
    """A finished model answers in the unit of the labels, while the targets are standardised."""
    learning: Any = NUMBERS.learned({"mean": 50.0, "std": 20.0})
    targets = {"targets": torch.tensor([0.5, -1.0])}
    served = torch.tensor([[70.0], [10.0]])  # standardised: 1 and -2
    settings: Any = NUMBERS.Training()
    found = learning.loss(settings, [], finished=True)(served, targets)
    assert float(found) == pytest.approx(float(functional.mse_loss(torch.tensor([1.0, -2.0]), targets["targets"])))
    assert float(learning.loss(settings, [])((served - 50) / 20, targets)) == pytest.approx(float(found))
