"""Questions to contexts: the whole road once, from a SQuAD file to a model that answers with a part of a context."""

import csv
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from finetrail.evaluation.scores.bootstrap import point_scores
from finetrail.inference.features import RaggedFeatures, compute_features
from finetrail.inference.predict import predict
from finetrail.runs.tracking import tracking_uri
from finetrail.serving.answer import answers_to
from finetrail.serving.predictions import read_predictions
from finetrail.tasks.registry import load_model
from finetrail.workspace import SPLITS, read_json
from tests.asked import Asked, asked, write_squad
from tests.pipeline.workspaces import WEIGHTS, Sandbox, lay_out
from tests.whole import read_whole

SQUAD = "data/input/toy.json"
PARAMS = f"""
project: questions
task: question-answering
seed: 0

source:
  path: {SQUAD}

validation: {{}}

split: {{method: group, val: 0.15, test: 0.2}}

backbone:
  weights: {WEIGHTS}
  max_tokens: 24
  dropout: 0.0

train:
  batch_size: 16
  log_every: 3
  precision: fp32
  schedule: linear
  warmup: 0.1

candidates:
  linear_probe:
    adaptation: {{method: linear_probe}}
    train: {{epochs: 2, learning_rate: 5e-2}}
  full:
    adaptation: {{method: full}}
    train: {{epochs: 8, learning_rate: 4e-3}}

selection:
  resamples: 200
"""
OFF: Asked = ("who was there", "after Anchor came", [{"text": "Anchor", "answer_start": 5}])
STRANGE = (
    "who was there",
    "\U0001f469\u200d\U0001f469\u200d\U0001f467 said  Anchor Keel\r\nwe\u0301re in Flood",
    "Anchor Keel",
)
"""An emoji of three joined ones, two spaces, a line of Windows and a combining mark."""


@pytest.fixture(scope="module")
def read(tiny_bert: Path, tmp_path_factory: pytest.TempPathFactory) -> Sandbox:
    """A workspace in which every stage has run, each as its command. Read only."""
    rows = [*asked(300), OFF]
    file = write_squad(tmp_path_factory.mktemp("source") / "toy.json", rows)
    sandbox = lay_out(tmp_path_factory.mktemp("read"), PARAMS, {SQUAD: file, WEIGHTS: tiny_bert})
    for stage in ("ingest", "validate", "split", "train linear_probe", "train full", "select", "test", "register"):
        done = sandbox.finetrail(*stage.split())
        assert done.code == 0, (stage, done.err)
    return sandbox


def as_contents(rows: list[Asked]) -> list[dict[str, str]]:
    return [{"question": question, "context": context} for question, context, _ in rows]


def test_an_answer_that_is_off_is_put_aside_with_its_place(read: Sandbox) -> None:
    with read.paths.quarantine.open(encoding="utf-8", newline="") as file:
        (row,) = csv.DictReader(file)
    assert row["rules"] == "misplaced_answer"
    assert row["detail"] == "'Anchor' is said to begin at 5, but it stands at 6"


def test_all_questions_to_a_context_stay_together(read: Sandbox) -> None:
    contexts = {name: {text["context"] for text in read_whole(read.paths.split(name))["text"]} for name in SPLITS}
    assert sum(map(len, contexts.values())) == len(set().union(*contexts.values())) == 300


def test_training_learns_to_read_and_to_say_none(read: Sandbox) -> None:
    tested = read_json(read.paths.test_details)
    assert tested["test"]["f1"] > 0.8
    assert len(tested["rivals"]) == 2
    assert all(one["ahead"][0] > 0.4 for one in tested["rivals"].values()), "the least that the model leads by"
    for kind in ("answerable", "unanswerable"):
        assert tested["answerable_or_not"][kind]["f1"]["value"] > 0.6
    described = read_json(read.paths.model("full") / "model.json")["target"]
    assert described["unanswerable"] is True
    assert tested["answerable_or_not"]["threshold"] == described["threshold"] != 0
    assert tested["calibration"]["temperature"] == described["temperature"] != 1
    frame = read_predictions(read.paths.test_report / "predictions.parquet")
    decided = np.array(tested["answerable_or_not"]["decided"])
    assert decided.sum() == len(frame)
    assert decided[:, 1].sum() == (frame["answer"] == "").sum()
    errors = pd.read_csv(read.paths.test_report / "errors.csv", keep_default_na=False)
    assert list(errors.columns) == ["id", "content", "actual", "predicted", "start", "f1", "score"]
    assert (errors["actual"] != errors["predicted"]).all()
    assert sum(one["rows"] for one in tested["by_question_word"].values()) == len(frame)
    page = (read.paths.test_report / "report.html").read_text(encoding="utf-8")
    assert f"intervals are drawn by {frame['group'].nunique()} contexts" in page


def test_what_is_written_means_the_same_answers(read: Sandbox) -> None:
    codec = load_model(read.paths.model("full")).codec
    frame = read_predictions(read.paths.test_report / "predictions.parquet")
    answers = codec.read(frame)
    found = point_scores(codec.judge, frame["label"].tolist(), answers)
    assert found == pytest.approx(
        {name: read_json(read.paths.test_details)["test"][name] for name in ("exact_match", "f1")}
    )
    said = codec.say(answers)
    assert codec.apart(codec.heard(said, answers), answers).max() == 0
    other = codec.heard(
        {**said, "answer": ["x"] * len(frame), "start": [0] * len(frame), "end": [1] * len(frame)}, answers
    )
    assert codec.say(other)["answer"] == ["x"] * len(frame)
    none = codec.heard(
        {**said, "answer": [""] * len(frame), "start": [0] * len(frame), "end": [0] * len(frame)}, answers
    )
    assert none.none.all()


def test_a_linear_probe_learns_from_features_that_are_computed_once(read: Sandbox) -> None:
    built = load_model(read.paths.model("linear_probe"))
    inputs = built.processor.encode(read_whole(read.paths.split("val"))["text"].tolist())
    features = compute_features(built.model, inputs, 32)
    assert isinstance(features, RaggedFeatures)
    for one, other in zip(
        *(predict(built.model, of, built.learning.keep, 32) for of in (features, inputs)), strict=True
    ):
        np.testing.assert_allclose(one, other, rtol=0, atol=1e-6)
    curve = pd.read_csv(read.paths.run("linear_probe").val_curve)
    assert curve["loss"].iloc[-1] < 3


def test_a_long_context_is_read_in_windows(read: Sandbox) -> None:
    built = load_model(read.paths.model("full"))
    rows = [one for one in asked(80, seed=7) if one[1].count(" ") > 25 and one[2]]
    inputs = built.processor.encode(as_contents(rows))
    assert len(inputs) > 2 * len(rows) > 0
    assert max(inputs.lengths) <= 24
    answers = answers_to(built, as_contents(rows))
    right = [text == gold[0]["text"] for text, (_, _, gold) in zip(answers.texts, rows, strict=True)]
    assert np.mean(right) > 0.7


def test_predict_keeps_offsets_exact(read: Sandbox, tmp_path: Path) -> None:
    rows = [*asked(20, seed=9), (*STRANGE[:2], [{"text": STRANGE[2], "answer_start": 0}])]
    with (tmp_path / "new.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([("question", "context"), *[row[:2] for row in rows]])
    done = read.finetrail("predict", str(tmp_path / "new.csv"), str(tmp_path / "scored.jsonl"))
    assert done.code == 0, done.err
    scored = [json.loads(line) for line in (tmp_path / "scored.jsonl").read_text(encoding="utf-8").splitlines()]
    assert [list(one) for one in scored] == [["question", "context", "row", "answer", "start", "end", "score"]] * len(
        rows
    )
    assert all(one["context"][one["start"] : one["end"]] == one["answer"] for one in scored)
    assert scored[-1]["answer"] == STRANGE[2]
    right = [one["answer"] == (gold[0]["text"] if gold else "") for one, (_, _, gold) in zip(scored, rows, strict=True)]
    assert np.mean(right) > 0.7
    assert all(0 < one["score"] <= 1 for one in scored)


def test_the_registered_model_answers_a_request(read: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    import mlflow
    from mlflow.pyfunc.scoring_server import invocations

    monkeypatch.setenv("MLFLOW_TRACKING_URI", tracking_uri(read.paths))
    model = mlflow.pyfunc.load_model("models:/questions@challenger")
    records = [
        {"context": STRANGE[1], "question": STRANGE[0]},
        {"question": "who was there", "context": "about that time"},
    ]
    schema = model.metadata.get_input_schema()
    answer = invocations(json.dumps({"dataframe_records": records}), "application/json", model, schema)
    assert answer.status == 200, answer.response
    one, none = json.loads(answer.response)["predictions"]
    start = STRANGE[1].index(STRANGE[2])
    assert (one["answer"], one["start"], one["end"]) == (STRANGE[2], start, start + len(STRANGE[2]))
    assert (none["answer"], none["start"], none["end"]) == ("", 0, 0)
    more = model.predict(pd.DataFrame(records), params={"n_best": 3})
    assert more.drop(columns="n_best").to_dict("records") == model.predict(pd.DataFrame(records)).to_dict("records")
    for record, given, listed in zip(records, more.to_dict("records"), more["n_best"], strict=True):
        assert listed[0] == {name: given[name] for name in ("answer", "start", "end", "score")}
        assert len(listed) == 3
        assert all(record["context"][other["start"] : other["end"]] == other["answer"] for other in listed)
    sent = {"dataframe_records": records, "params": {"n_best": 2}}
    answer = invocations(json.dumps(sent), "application/json", model, schema)
    assert [len(found["n_best"]) for found in json.loads(answer.response)["predictions"]] == [2, 2]


def test_the_gate_judges_by_f1_and_every_link_holds(read: Sandbox) -> None:
    done = read.finetrail("promote", "--dry-run", "--json", "verdict.json")
    assert done.code == 0, done.out + done.err
    rules = {one["rule"]: one for one in read_json(read.root / "verdict.json")["verdict"]["rulings"]}
    assert rules["F1"]["numbers"]["low"] > 0.3


def test_an_export_gives_the_same_answers(read: Sandbox, tmp_path: Path) -> None:
    done = read.finetrail("export", str(tmp_path / "out"))
    assert done.code == 0, done.err
    assert re.search(r"F1 on \d+ validation rows: trained (\S+), transformers \1\n", done.out)
    card = (tmp_path / "out" / "README.md").read_text(encoding="utf-8")
    code = re.findall(r"```python\n(.*?)```", card, re.DOTALL)[0]
    code = code.replace("Where did she write?", "who was there").replace(
        "Ada Lovelace wrote to Charles Babbage in London.", "they said Anchor came in Flood"
    )
    shown = subprocess.run([sys.executable, "-c", code], cwd=tmp_path / "out", capture_output=True, text=True)
    assert shown.returncode == 0, shown.stderr
    assert shown.stdout == "Anchor\n"
    done = read.finetrail("export", str(tmp_path / "onnx"), "--format", "onnx")
    assert done.code == 0, done.err
    assert re.search(r"F1 on \d+ validation rows: trained (\S+), onnx \1\n", done.out)


def test_a_long_question_is_cut_and_it_is_told(read: Sandbox, caplog: pytest.LogCaptureFixture) -> None:
    built = load_model(read.paths.model("full"))
    rows: list[Any] = [{"question": "about " * 40, "context": "they said Anchor"}, as_contents([OFF])[0]]
    inputs: Any = built.processor.encode(rows)
    assert "1 of 2 questions have more than 10 tokens, half of what max_tokens leaves" in caplog.text
    assert inputs.asked[0][0] == rows[0]["question"]
    assert len(inputs.windows[0].offsets) == 1 + len(built.processor.tokenizer.tokenize("they said Anchor"))  # type: ignore[attr-defined]
