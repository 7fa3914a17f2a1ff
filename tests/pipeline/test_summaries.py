"""Texts as answers: the whole road once, from a table of texts and summaries to a model that writes."""

import csv
import random
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from finetrail.runs.tracking import tracking_uri
from finetrail.workspace import read_json
from tests.conftest import COMMON, TOPICS
from tests.pipeline.workspaces import WEIGHTS, Sandbox, lay_out, track

CSV = "data/input/summaries.csv"
PARAMS = f"""
project: summaries
task: summarization
seed: 0

source:
  path: {CSV}
  columns: {{label: summary}}

validation: {{}}

split: {{val: 0.2, test: 0.2}}

backbone:
  weights: {WEIGHTS}
  decoder_layers: 1
  max_tokens: 24
  max_answer_tokens: 8
  dropout: 0.0

train:
  batch_size: 16
  log_every: 3

candidates:
  full:
    adaptation: {{method: full}}
    train: {{epochs: 11, learning_rate: 6e-3}}

selection:
  resamples: 200
gate:
  resamples: 200
"""
MARKS = ("many", "few", "some")


def rows(count: int, seed: int = 0) -> list[tuple[str, str]]:
    """Texts of a topic with one of three words in them; the summary names both."""
    chance = random.Random(seed)  # noqa: S311 - toy data
    found = []
    for number in range(count):
        topic, mark = sorted(TOPICS)[number % len(TOPICS)], MARKS[number // len(TOPICS) % len(MARKS)]
        words = chance.sample(TOPICS[topic].split(), 4) + chance.sample(sorted({*COMMON} - {*MARKS}), 6) + [mark]
        chance.shuffle(words)
        found.append((" ".join(words), f"{mark} {TOPICS[topic].split()[0]}"))
    return found


@pytest.fixture(scope="module")
def summed(tiny_bert: Path, tmp_path_factory: pytest.TempPathFactory) -> Sandbox:
    """A repository in which every stage has run, each as its command. Read only."""
    good = rows(360)
    bad = [(good[0][0], good[0][1]), ("", "many"), (good[1][0], "")]
    file = tmp_path_factory.mktemp("source") / "summaries.csv"
    with file.open("w", encoding="utf-8", newline="") as opened:
        csv.writer(opened).writerows([("text", "summary"), *good, *bad])
    sandbox = lay_out(tmp_path_factory.mktemp("summed"), PARAMS, {CSV: file, WEIGHTS: tiny_bert})
    track(sandbox, CSV, WEIGHTS)
    for stage in ("ingest", "validate", "split", "train full", "select", "test", "register"):
        done = sandbox.finetrail(*stage.split())
        assert done.code == 0, (stage, done.err)
    return sandbox


def test_it_writes_what_it_learnt(summed: Sandbox) -> None:
    tested = read_json(summed.paths.test_details)["test"]
    assert tested["exact_match"] > 0.6, "the most frequent answer is right on a ninth of the rows"
    assert tested["rougeL"] > 0.7
    predictions = pd.read_parquet(summed.paths.test_report / "predictions.parquet")
    assert len({*predictions["text"]}) >= 6


def test_the_report_compares_with_what_needs_no_model(summed: Sandbox) -> None:
    written = read_json(summed.paths.test_details)
    assert set(written["rivals"]) == {"the source itself", "the target of the nearest training row"}
    assert written["rivals"]["the source itself"]["ahead"][0] > 0
    assert sum(one["rows"] for one in written["source_lengths"]) == 72
    assert "Answers without a model" in (summed.paths.test_report / "report.html").read_text(encoding="utf-8")


def test_the_checkpoint_is_that_of_the_best_answers(summed: Sandbox) -> None:
    metrics = read_json(summed.paths.run("full").details)
    curve = pd.read_csv(summed.paths.run("full").root / "val.csv")
    best = curve.iloc[int(curve["rougeL"].argmax())]
    assert metrics["best_epoch"] == best["epoch"]
    assert metrics["val"]["rougeL"] == pytest.approx(best["rougeL"], abs=0.05)  # in bf16 during training


def test_every_link_back_to_the_source_holds(summed: Sandbox) -> None:
    done = summed.finetrail("verify", "--json", "verified.json")
    assert done.code == 0, done.err
    assert {one["state"] for one in read_json(summed.root / "verified.json")["links"]} == {"OK"}


def test_the_registered_model_writes(summed: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    import mlflow

    monkeypatch.setenv("MLFLOW_TRACKING_URI", tracking_uri(summed.paths))
    model = mlflow.pyfunc.load_model("models:/summaries@challenger")
    asked = rows(9, seed=7)
    answered = model.predict(pd.DataFrame({"text": [text for text, _ in asked]}))
    assert {"text", "score"} <= {*answered.columns}
    assert (answered["text"] == [summary for _, summary in asked]).mean() > 0.5
    assert "".join(model.predict_stream({"text": asked[0][0]})) == answered["text"][0]
    short = model.predict(pd.DataFrame({"text": [text for text, _ in asked]}), params={"max_tokens": 1})
    assert set(short["tokens"]) == {1}
    assert all(text.startswith(start) for text, start in zip(answered["text"], short["text"], strict=True))


def test_a_file_is_scored_and_the_export_says_the_same(summed: Sandbox, tmp_path: Path) -> None:
    asked = rows(9, seed=7)
    with (tmp_path / "new.csv").open("w", encoding="utf-8", newline="") as opened:
        csv.writer(opened).writerows([("text",), *((text,) for text, _ in asked)])
    done = summed.finetrail("predict", str(tmp_path / "new.csv"), str(tmp_path / "scored.csv"))
    assert done.code == 0, done.err
    exported = summed.finetrail("export", str(tmp_path / "exported"))
    assert exported.code == 0, exported.err
    assert "ROUGE-L on" in exported.out
    scored: Any = pd.read_csv(tmp_path / "scored.csv")
    assert len(scored) == 9


def test_it_is_assessed_and_label_errors_are_refused_in_a_line(summed: Sandbox) -> None:
    asked = {
        "robustness": {"perturbations": ["typos"], "severities": [3], "max_rows": 24},
        "attacks": {"epsilons": [1], "max_rows": 10},
        "slices": {"min_rows": 5, "clusters": 3},
    }
    summed.edit("assess", {**asked, "labels": {}})
    for name in asked:
        done = summed.finetrail("assess", name)
        assert done.code == 0, (name, done.err)
    refused = summed.finetrail("assess", "labels")
    assert refused.error.startswith(
        "ConfigError: assess.labels trains heads on other rows, but a model of this task has no head"
    )
