"""One candidate is edited: it alone is trained again, and DVC's own commands tell what that changed."""

import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from finetrail.programs.plots import write_page
from finetrail.workspace import read_json
from tests.browser import browse
from tests.pipeline.workspaces import CANDIDATES, Outcome, Sandbox

CONFUSION = "data/reports/test/plots/confusion.svg"
FIGURES = (CONFUSION, *(f"data/reports/test/plots/{name}.svg" for name in ("reliability", "risk")))


@pytest.fixture(scope="module")
def edited(finished: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> Sandbox:
    """A copy of the finished workspace in which one candidate has another learning rate."""
    copy = finished.copy(tmp_path_factory.mktemp("edited") / "workspace")
    copy.edit("candidates.lora.train.learning_rate", 0.02)
    return copy


@pytest.fixture(scope="module")
def again(edited: Sandbox) -> Outcome:
    done = edited.run("dvc", "repro", "select")
    assert done.code == 0, done.err
    return done


def test_params_diff_names_the_one_value(edited: Sandbox) -> None:
    diff = _json(edited, "dvc params diff --json")["params.yaml"]
    assert diff == {"candidates.lora.train.learning_rate": {"old": 0.05, "new": 0.02, "diff": pytest.approx(-0.03)}}


def test_the_edited_candidate_alone_is_trained_again(again: Outcome, edited: Sandbox) -> None:
    assert edited.stages_of(again) == ["train@lora", "select"]
    assert "Stage 'train@full' didn't change, skipping" in again.out
    # What comes after is known to be stale, and says why.
    status = _json(edited, "dvc status --json")
    assert set(status) == {"test", "register"}
    assert dict.fromkeys(("data/models", "data/runs", "data/selection"), "modified") in [
        change.get("changed deps") for change in status["test"]
    ]


def test_metrics_diff_shows_what_it_did_to_the_scores(again: Outcome, edited: Sandbox) -> None:
    diff = _json(edited, "dvc metrics diff --json")
    assert list(diff) == ["data/runs/lora/metrics.json"]
    scores = diff["data/runs/lora/metrics.json"]
    assert {"val.macro_f1", "val.loss"} <= set(scores)
    assert scores["val.loss"]["diff"] == pytest.approx(scores["val.loss"]["new"] - scores["val.loss"]["old"])


def test_metrics_show_has_every_candidate_and_the_test(edited: Sandbox) -> None:
    shown = _json(edited, "dvc metrics show --json")[""]["data"]
    assert set(shown) == {f"data/runs/{name}/metrics.json" for name in CANDIDATES} | {"data/reports/test/metrics.json"}
    for name in CANDIDATES:
        values = shown[f"data/runs/{name}/metrics.json"]["data"]
        assert set(values["val"]) == {"accuracy", "loss", "macro_f1", "macro_precision", "macro_recall"}
        assert values["trainable"] > 0
    test = shown["data/reports/test/metrics.json"]["data"]
    found = read_json(edited.paths.test_details)
    assert test == {
        "test": {name: found["test"][name] for name in ("accuracy", "macro_precision", "macro_recall", "macro_f1")}
    }
    assert found["intervals"]["macro_f1"]["low"] <= test["test"]["macro_f1"] <= found["intervals"]["macro_f1"]["high"]


def test_plots_show_the_curves_and_the_figures_of_the_report(edited: Sandbox) -> None:
    shown = _json(edited, "dvc plots show --json")["data"]
    assert set(shown) == {
        *(f"data/runs/{name}/{curve}.csv" for name in CANDIDATES for curve in ("train", "val")),
        *FIGURES,
    }
    loss, score = _plot(shown["data/runs/full/train.csv"]), _plot(shown["data/runs/full/val.csv"])
    assert [int(point["step"]) for point in loss["data"]["values"]] == [3, 6, 9, 12, 15, 18, 21, 24, 27]
    assert [point["epoch"] for point in score["data"]["values"]] == ["1", "2", "3"]
    assert {"loss", "learning_rate", "gradient_norm"} <= set(loss["data"]["values"][0])
    assert loss["encoding"]["x"]["field"] == "step"
    assert "loss" in json.dumps(loss["layer"])
    for name in FIGURES:
        (entry,) = shown[name]
        assert (entry["type"], Path(entry["url"]).read_bytes()) == ("image", (edited.root / name).read_bytes())
    cells = re.findall(r">(\w+) → (\w+): (\d+) of", (edited.root / CONFUSION).read_text(encoding="utf-8"))
    assert {(actual, predicted): int(rows) for actual, predicted, rows in cells} == _confusion(edited)


def test_plots_diff_lays_both_curves_over_each_other(again: Outcome, edited: Sandbox) -> None:
    plot = _plot(_json(edited, "dvc plots diff --json")["data"]["data/runs/lora/train.csv"])
    by_revision = {
        rev: [point["loss"] for point in plot["data"]["values"] if point["rev"] == rev] for rev in ("HEAD", "workspace")
    }
    assert len(by_revision["HEAD"]) == len(by_revision["workspace"]) > 3
    assert by_revision["HEAD"] != by_revision["workspace"]


def test_the_pages_of_plots_show_a_figure_as_large_as_in_the_report(
    edited: Sandbox, chromium: str, tmp_path: Path
) -> None:
    """Alone, or those of two versions side by side."""
    _, image = browse(chromium, (edited.root / CONFUSION).as_uri(), tmp_path)
    width, height = _coloured(image)
    assert min(width, height) > 250
    commands = {"show": ("show", CONFUSION), "diff": ("diff", "--targets", CONFUSION)}
    for name, command in commands.items():
        page = edited.must("dvc", "plots", *command, "--out", str(tmp_path / name)).strip()
        _, image = browse(chromium, page, tmp_path)
        across, down = _coloured(image)
        assert down == pytest.approx(height, abs=2)
        assert across == pytest.approx(width, abs=2) if name == "show" else 2 * width < across < 3 * width


def test_the_pages_of_plots_draw_curves_without_a_network(edited: Sandbox, chromium: str, tmp_path: Path) -> None:
    """This browser has none."""
    curve = "data/runs/full/val.csv"
    bare, _ = browse(
        chromium, edited.must("dvc", "plots", "show", curve, "--out", str(tmp_path / "a")).strip(), tmp_path
    )
    assert "vegaEmbed" in bare
    assert 'class="marks"' not in bare
    write_page(edited.paths)
    page, image = browse(
        chromium, edited.must("dvc", "plots", "show", curve, "--out", str(tmp_path / "b")).strip(), tmp_path
    )
    assert 'class="marks"' in page
    assert 'src="http' not in page
    assert min(_coloured(image)) > 100
    assert edited.must("git", "status", "--porcelain", ".dvc", ".finetrail") == ""


def test_taking_the_edit_back_trains_nothing(again: Outcome, edited: Sandbox) -> None:
    """The earlier model comes out of DVC's run-cache."""
    edited.must("git", "checkout", "--quiet", "params.yaml", "dvc.lock")
    done = edited.run("dvc", "repro")
    assert done.code == 0, done.err
    assert edited.stages_of(done) == []
    assert edited.must("git", "status", "--porcelain") == ""


def _json(sandbox: Sandbox, command: str) -> dict[str, Any]:
    answer: dict[str, Any] = json.loads(sandbox.must(*command.split()))
    return answer


def _plot(entries: list[dict[str, Any]]) -> dict[str, Any]:
    """The Vega-Lite image of one file."""
    (entry,) = entries
    content = entry["content"]
    image: dict[str, Any] = json.loads(content) if isinstance(content, str) else content
    return image


def _confusion(sandbox: Sandbox) -> dict[tuple[str, str], int]:
    """The rows of the test split by what they are and what the model said, out of its answers."""
    frame = pd.read_parquet(sandbox.paths.test_report / "predictions.parquet")
    labels = read_json(sandbox.paths.split_report)["labels"]
    predicted = [labels[number] for number in np.stack(frame["logits"].tolist()).argmax(axis=1)]
    assert len(predicted) == 60
    return Counter(zip(frame["label"], predicted, strict=True))


def _coloured(image: Image.Image) -> tuple[int, int]:
    """Width and height of what is neither white nor grey in an image."""
    places = np.nonzero(np.asarray(image.convert("HSV"))[..., 1] > 60)
    width, height = (int(np.ptp(place)) + 1 for place in reversed(places))
    return width, height
