"""One candidate is edited: it alone is trained again, and DVC's own commands tell what that changed."""

import json
from typing import Any

import pytest

from tests.pipeline.workspaces import CANDIDATES, Outcome, Sandbox


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
        assert 0 < values["parameters"]["trainable"] <= values["parameters"]["total"]
    test = shown["data/reports/test/metrics.json"]["data"]
    assert test["intervals"]["macro_f1"]["low"] <= test["test"]["macro_f1"] <= test["intervals"]["macro_f1"]["high"]


def test_plots_show_the_curves_and_the_confusion_matrix(edited: Sandbox) -> None:
    shown = _json(edited, "dvc plots show --json")["data"]
    assert set(shown) == {
        *(f"data/runs/{name}/{curve}.csv" for name in CANDIDATES for curve in ("train", "val")),
        "data/reports/test/confusion.csv",
    }
    loss, score = _plot(shown["data/runs/full/train.csv"]), _plot(shown["data/runs/full/val.csv"])
    assert [int(point["step"]) for point in loss["data"]["values"]] == [3, 6, 9, 12, 15, 18, 21, 24, 27]
    assert [point["epoch"] for point in score["data"]["values"]] == ["1", "2", "3"]
    assert {"loss", "learning_rate", "gradient_norm"} <= set(loss["data"]["values"][0])
    assert loss["encoding"]["x"]["field"] == "step"
    assert "loss" in json.dumps(loss["layer"])
    confusion = _plot(shown["data/reports/test/confusion.csv"])["data"]["values"]
    assert len(confusion) == 60
    assert {point["actual"] for point in confusion} == {"cooking", "sailing", "weather"}


def test_plots_diff_lays_both_curves_over_each_other(again: Outcome, edited: Sandbox) -> None:
    plot = _plot(_json(edited, "dvc plots diff --json")["data"]["data/runs/lora/train.csv"])
    by_revision = {
        rev: [point["loss"] for point in plot["data"]["values"] if point["rev"] == rev] for rev in ("HEAD", "workspace")
    }
    assert len(by_revision["HEAD"]) == len(by_revision["workspace"]) > 3
    assert by_revision["HEAD"] != by_revision["workspace"]


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
