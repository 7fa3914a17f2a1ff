"""Numbers instead of classes: the whole road once, from a table with bad labels in it to a registered model."""

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from finetrail.runs.tracking import tracking_uri
from finetrail.workspace import SPLITS, read_json
from tests.numbers import BASE, STEP, counted_texts
from tests.pipeline.compared import answers, compared, disagreement
from tests.pipeline.same import assert_same
from tests.pipeline.workspaces import WEIGHTS, Sandbox, lay_out

CSV = "data/input/prices.csv"
PARAMS = f"""
project: prices
task: text-regression
seed: 0

source:
  path: {CSV}
  columns: {{text: review, label: price}}

validation:
  label_range: {{min: 0, max: 10000}}

split: {{val: 0.2, test: 0.2}}

backbone:
  weights: {WEIGHTS}
  max_tokens: 32
  dropout: 0.0

train:
  batch_size: 16
  log_every: 3
  coverage: 0.8

candidates:
  linear_probe:
    adaptation: {{method: linear_probe}}
    train: {{epochs: 10, learning_rate: 3e-2}}
  full:
    adaptation: {{method: full}}
    train: {{epochs: 4, learning_rate: 3e-3, loss: huber, patience: 3}}

selection:
  resamples: 200
"""
BAD = {
    "no number": "n/a",
    "much too dear": "1e6",
    "infinitely dear": "inf",
    "in thousands": "2,100",
    "nobody knows": "",
}


@pytest.fixture(scope="session")
def priced(tiny_bert: Path, tmp_path_factory: pytest.TempPathFactory) -> Sandbox:
    """A workspace in which every stage has run, each as its command. Read only."""
    good = counted_texts(240)
    table = [(text, f"{price:g}") for text, price in good]
    table += [(good[0][0], f"{good[0][1]:.2f}"), (good[1][0], "7"), *BAD.items()]
    file = tmp_path_factory.mktemp("prices") / "prices.csv"
    with file.open("w", encoding="utf-8", newline="") as stream:
        csv.writer(stream).writerows([("review", "price"), *table])
    sandbox = lay_out(tmp_path_factory.mktemp("priced"), PARAMS, {CSV: file, WEIGHTS: tiny_bert})
    for stage in ("ingest", "validate", "split", "train linear_probe", "train full", "select", "test", "register"):
        done = sandbox.finetrail(*stage.split())
        assert done.code == 0, (stage, done.err)
    return sandbox


def test_labels_that_are_no_numbers_are_put_aside(priced: Sandbox) -> None:
    with priced.paths.quarantine.open(encoding="utf-8", newline="") as file:
        aside = {row["content"]: row["rules"] for row in csv.DictReader(file)}
    texts = [text for text, _ in counted_texts(2)]
    assert aside == {
        "no number": "numeric_label",
        "infinitely dear": "numeric_label",
        "in thousands": "numeric_label",
        "much too dear": "label_range",
        "nobody knows": "missing_label",
        texts[0]: "duplicate",
        texts[1]: "conflicting_label",
    }
    labels = read_json(priced.paths.validation_report)["labels"]
    assert (labels["rows"], labels["min"]) == (239, BASE)


def test_every_split_has_the_same_distribution(priced: Sandbox) -> None:
    labels = {name: pd.read_parquet(priced.paths.split(name))["label"].astype(float) for name in SPLITS}
    for one in labels.values():
        assert one.mean() == pytest.approx(labels["train"].mean(), abs=STEP / 2)
        assert one.std() == pytest.approx(labels["train"].std(), rel=0.1)
    assert len(read_json(priced.paths.split_report)["labels"]) == 10


def test_training_learns_to_count(priced: Sandbox) -> None:
    tested = read_json(priced.paths.test_details)
    assert tested["test"]["rmse"] < 0.6 * tested["baseline"]["rmse"]
    assert tested["test"]["r2"] > 0.5
    assert tested["intervals"]["rmse"]["low"] < tested["test"]["rmse"] < tested["intervals"]["rmse"]["high"]
    assert abs(tested["baseline"]["r2"]) < 0.1
    for name in ("linear_probe", "full"):
        curve = pd.read_csv(priced.paths.run(name).val_curve)
        metrics = read_json(priced.paths.run(name).details)
        assert list(curve.columns)[-1] == "rmse"
        kept = curve[curve["epoch"] == metrics["best_epoch"]].iloc[0]
        assert kept["rmse"] == curve["rmse"].min(), "of rmse the lowest is best"
        # The head was rescaled after training: what the finished model says is what was seen in training.
        assert metrics["val"]["rmse"] == pytest.approx(kept["rmse"], rel=0.02)


def test_the_trainings_give_what_was_recorded(priced: Sandbox) -> None:
    assert_same("prices", priced.paths, "{:g}".format)


def test_the_lowest_error_leads_and_the_reason_says_so(priced: Sandbox) -> None:
    choice = read_json(priced.paths.selection_report)
    values = {name: read_json(priced.paths.run(name).details)["val"]["rmse"] for name in ("linear_probe", "full")}
    leader = min(values, key=lambda name: values[name])
    assert choice["ranking"][0]["candidate"] == leader
    assert choice["ranking"][1]["difference"] > 0
    assert choice["reason"].startswith(f"`{leader}` has the lowest validation RMSE, ")


def test_the_intervals_of_the_report_can_be_counted_in_the_predictions(priced: Sandbox) -> None:
    tested = read_json(priced.paths.test_details)
    predictions = pd.read_parquet(priced.paths.test_report / "predictions.parquet")
    errors = (predictions["prediction"].astype(float) - predictions["label"]).abs()
    found = tested["prediction_intervals"]
    assert [one["wanted"] for one in found] == [0.5, 0.8, 0.9, 0.95]
    for one in found:
        assert one["share"] == pytest.approx((errors <= one["size"] / 2).mean())
        assert one["share"] == pytest.approx(one["wanted"], abs=0.2)


def test_the_report_shows_numbers_and_no_classes(priced: Sandbox) -> None:
    page = (priced.paths.test_report / "report.html").read_text(encoding="utf-8")
    for words in ("Predicted against actual", "Histogram of the errors", "Largest errors", "lowest validation RMSE"):
        assert words in page
    for words in ("onfusion", "F1", "class ", "accuracy"):
        assert words not in page.split("</style>")[1]
    errors = pd.read_csv(priced.paths.test_report / "errors.csv")
    assert errors["error"].abs().is_monotonic_decreasing
    assert np.allclose(errors["predicted"] - errors["actual"], errors["error"])
    assert errors["content"].str.len().min() > 0


def test_show_and_predict_speak_of_numbers(priced: Sandbox, tmp_path: Path) -> None:
    shown = priced.finetrail("show")
    assert shown.code == 0, shown.err
    assert "validation RMSE" in shown.out
    assert "R² 0." in shown.out
    texts = counted_texts(40, seed=9)
    source, target = tmp_path / "new.csv", tmp_path / "scored.csv"
    with source.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([("review",), *[(text,) for text, _ in texts]])
    done = priced.finetrail("predict", str(source), str(target))
    assert done.code == 0, done.err
    scored = pd.read_csv(target)
    assert list(scored.columns) == ["review", "row", "prediction", "low", "high"]
    actual = np.array([price for _, price in texts])
    assert ((scored["low"] <= actual) & (actual <= scored["high"])).mean() >= 0.6
    assert np.corrcoef(scored["prediction"], [price for _, price in texts])[0, 1] > 0.7


def test_the_registered_model_answers_a_request_with_a_number(priced: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    import mlflow
    from mlflow.pyfunc.scoring_server import invocations

    monkeypatch.setenv("MLFLOW_TRACKING_URI", tracking_uri(priced.paths))
    model = mlflow.pyfunc.load_model("models:/prices@challenger")
    said = [(one.name, one.type.name) for one in model.metadata.get_output_schema()]
    assert said == [("prediction", "double"), ("low", "double"), ("high", "double")]
    body = json.dumps({"dataframe_split": {"columns": ["text"], "data": [[text] for text, _ in counted_texts(3)]}})
    answer = invocations(body, "application/json", model, model.metadata.get_input_schema())
    assert answer.status == 200
    found: list[dict[str, Any]] = json.loads(answer.response)["predictions"]
    assert all(one["low"] < one["prediction"] < one["high"] for one in found)
    tags = mlflow.MlflowClient().get_model_version_by_alias("prices", "challenger").tags
    assert float(tags["finetrail.test_rmse"]) > 0


def test_the_gate_judges_numbers_by_their_metric(priced: Sandbox) -> None:
    done = priced.finetrail("promote", "--json", "verdict.json")
    assert done.code == 0, done.out + done.err
    rules = {one["rule"]: one for one in read_json(priced.root / "verdict.json")["verdict"]["rulings"]}
    assert list(rules) == ["RMSE", "test split"]
    assert rules["RMSE"]["numbers"]["low"] > 0, "for certain nearer than the mean"
    found = priced.finetrail("evaluate")
    assert found.code == 0, found.err
    assert "test rmse of models:/prices/1: " in found.out


def test_candidates_disagree_where_their_numbers_lie_apart(priced: Sandbox, tmp_path: Path) -> None:
    found = compared(priced, tmp_path)
    one, other = answers(priced, "prediction")
    near = 0.1 * read_json(priced.paths.run("full").details)["target"]["std"]
    share = np.mean([abs(mine - theirs) > near for mine, theirs in zip(one, other, strict=True)])
    assert 0 < disagreement(found) == share
    page = (tmp_path / "compare.html").read_text(encoding="utf-8")
    assert "Best validation RMSE first (lower is better)" in page
    assert "Down and left is better" in page
    best = found["candidates"][0]
    assert all(best["value"]["value"] <= one["value"]["value"] for one in found["candidates"])
    assert all(best["candidate"] in members for members in found["fronts"].values()), "it has the lowest error"
