"""Two texts a row: the whole road once, from two columns of a table to a model that is asked by their names."""

import csv
import json
import random
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from finetrail.runs.tracking import tracking_uri
from finetrail.workspace import SPLITS, read_json
from tests.conftest import COMMON, TOPICS
from tests.pipeline.workspaces import WEIGHTS, Sandbox, lay_out, track
from tests.whole import read_whole

CSV = "data/input/pairs.csv"
PARAMS = f"""
project: pairs
task: text-classification
seed: 0

source:
  path: {CSV}
  columns: {{text: [question, answer], label: cooks}}

validation: {{}}

split: {{val: 0.2, test: 0.2}}

backbone:
  weights: {WEIGHTS}
  max_tokens: 32
  dropout: 0.0

train:
  batch_size: 16
  log_every: 3
  coverage: 0.95
  error_rate: 0.05

candidates:
  full:
    adaptation: {{method: full}}
    train: {{epochs: 10, learning_rate: 4e-3}}

selection:
  resamples: 200
"""
COOKING = TOPICS["cooking"].split()[:12]
SAILING = TOPICS["sailing"].split()[:12]
LABELS = ("answer", "both", "neither", "question")
LONG = " ".join(COMMON[:40])

Pair = tuple[str, str, str]


def pairs(count: int, seed: int = 0) -> list[Pair]:
    """Questions and answers of any length, and which of them speaks of cooking: neither of them alone tells."""
    chance = random.Random(seed)  # noqa: S311 - toy data
    rows = []
    for number in range(count):
        label = LABELS[number % len(LABELS)]
        texts = []
        for side in ("question", "answer"):
            topic = COOKING if label in (side, "both") else SAILING
            words = chance.sample(topic, 3) + chance.sample(COMMON, chance.randint(1, 8))
            chance.shuffle(words)
            texts.append(" ".join(words))
        rows.append((texts[0], texts[1], label))
    return rows


def write_csv(path: Path, header: tuple[str, ...], rows: list[Any]) -> Path:
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([header, *rows])
    return path


def run(sandbox: Sandbox, *stages: str) -> None:
    """Run stages as their commands."""
    for stage in stages:
        done = sandbox.finetrail(*stage.split())
        assert done.code == 0, (stage, done.err)


@pytest.fixture(scope="module")
def paired(tiny_bert: Path, tmp_path_factory: pytest.TempPathFactory) -> Sandbox:
    """A repository in which every stage has run, each as its command. Read only."""
    good = pairs(320)
    (question, answer, label), (other, reply, _) = good[:2]
    bad = [
        (question, answer, label),
        (other, reply, "neither" if good[1][2] != "neither" else "both"),
        (reply, "", "both"),
    ]
    file = write_csv(tmp_path_factory.mktemp("source") / "pairs.csv", ("question", "answer", "cooks"), [*good, *bad])
    sandbox = lay_out(tmp_path_factory.mktemp("paired"), PARAMS, {CSV: file, WEIGHTS: tiny_bert})
    track(sandbox, CSV, WEIGHTS)
    run(sandbox, "ingest", "validate", "split", "train full", "select", "test", "register")
    return sandbox


def test_a_pair_is_one_content(paired: Sandbox) -> None:
    with paired.paths.quarantine.open(encoding="utf-8", newline="") as file:
        aside = {row["content"]: row["rules"] for row in csv.DictReader(file)}
    (question, answer, _), (other, reply, _) = pairs(2)
    assert aside == {
        f"{question} | {answer}": "duplicate",
        f"{other} | {reply}": "conflicting_label",
        f"{reply} | ": "empty_text",
    }
    rows = read_whole(paired.paths.split("train"))
    assert list(rows["text"][0]) == ["question", "answer"]


def test_training_learns_what_only_both_texts_tell(paired: Sandbox) -> None:
    tested = read_json(paired.paths.test_details)
    assert tested["test"]["accuracy"] > 0.8, "who reads one text alone is right on half of the rows"
    assert read_json(paired.paths.model("full") / "model.json")["columns"] == ["question", "answer"]
    page = (paired.paths.test_report / "report.html").read_text(encoding="utf-8")
    assert "question: " in page
    assert "answer: " in page


def test_the_segments_matter(paired: Sandbox) -> None:
    import torch

    from finetrail.tasks.registry import load_model

    built = load_model(paired.paths.model("full"))
    rows = read_whole(paired.paths.split("test"))
    processor: Any = built.processor
    inputs = processor.encode(rows["text"].tolist())
    batch = inputs.batch(range(len(rows)))
    assert set(batch) == {"input_ids", "attention_mask", "token_type_ids"}
    first = batch["input_ids"][0][batch["attention_mask"][0] == 1].tolist()
    behind = first.index(processor.tokenizer.sep_token_id) + 1
    assert batch["token_type_ids"][0][: len(first)].tolist() == [0] * behind + [1] * (len(first) - behind)
    known = {label: number for number, label in enumerate(built.codec.outputs)}
    labels = np.array([known[label] for label in rows["label"]])
    right = {}
    with torch.inference_mode():
        for name, share in (("as they are", 1), ("all alike", 0)):
            logits = built.model(batch | {"token_type_ids": batch["token_type_ids"] * share})
            right[name] = float((logits.argmax(1).numpy() == labels).mean())
    assert right["as they are"] > right["all alike"] + 0.2


def test_the_registered_model_is_asked_by_the_names_of_the_columns(
    paired: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    import mlflow
    from mlflow.exceptions import MlflowException
    from mlflow.pyfunc.scoring_server import invocations

    monkeypatch.setenv("MLFLOW_TRACKING_URI", tracking_uri(paired.paths))
    model = mlflow.pyfunc.load_model("models:/pairs@challenger")
    schema = model.metadata.get_input_schema()
    assert schema.input_names() == ["question", "answer"]
    rows = pairs(12, seed=5)
    frame = pd.DataFrame(rows, columns=["question", "answer", "cooks"]).drop(columns="cooks")
    answered = model.predict(frame)
    assert (answered["label"] == [label for _, _, label in rows]).mean() > 0.8
    turned = model.predict(frame[["answer", "question"]])
    pd.testing.assert_frame_equal(turned, answered)
    swapped = model.predict(frame.rename(columns={"question": "answer", "answer": "question"}))
    assert (swapped["label"] != answered["label"]).any()
    records = [dict(zip(("answer", "question"), (reply, asked), strict=True)) for asked, reply, _ in rows]
    answer = invocations(json.dumps({"dataframe_records": records}), "application/json", model, schema)
    assert answer.status == 200, answer.response
    served = json.loads(answer.response)["predictions"]
    assert [one["label"] for one in served] == answered["label"].tolist()
    assert all(one["label"] == one["label_set"][0] and isinstance(one["abstain"], bool) for one in served)
    with pytest.raises(MlflowException, match="answer"):
        model.predict(frame[["question"]])


def test_what_the_report_says_of_confidence_can_be_computed_from_the_predictions(paired: Sandbox) -> None:
    from sklearn.metrics import log_loss

    tested = read_json(paired.paths.test_details)
    known = read_json(paired.paths.model("full") / "model.json")["target"]
    predictions = pd.read_parquet(paired.paths.test_report / "predictions.parquet")
    logits = np.stack(predictions["logits"].tolist()).astype(np.float64) / known["temperature"]
    certain = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    actual = [known["labels"].index(label) for label in predictions["label"]]
    calibration, abstaining = tested["calibration"], tested["abstaining"]
    assert calibration["temperature"] == known["temperature"] != 1
    assert calibration["nll"] == pytest.approx(log_loss(actual, certain, labels=range(4)))
    assert calibration["before"]["nll"] == pytest.approx(tested["test"]["loss"])
    own = certain[np.arange(len(actual)), actual]
    inside = (own >= known["least_probable"]) | (certain.argmax(axis=1) == actual)
    assert abstaining["label_sets"]["share"] == pytest.approx(inside.mean())
    answered = certain.max(axis=1) >= known["least_confident"]
    assert abstaining["selected"]["size"] == pytest.approx(answered.mean())


def test_predict_takes_json_keys_and_other_names_and_refuses_a_missing_one(paired: Sandbox, tmp_path: Path) -> None:
    rows = pairs(12, seed=5)
    lines = [json.dumps({"id": n, "answer": reply, "question": asked}) for n, (asked, reply, _) in enumerate(rows)]
    lines.append(json.dumps({"question": "what", "answer": None}))
    (tmp_path / "new.jsonl").write_text("\n".join(lines), encoding="utf-8")
    done = paired.finetrail("predict", str(tmp_path / "new.jsonl"), str(tmp_path / "scored.csv"))
    assert done.code == 0, done.err
    scored = pd.read_csv(tmp_path / "scored.csv")
    assert list(scored.columns) == [
        *("id", "answer", "question", "row", "predicted_label"),
        *("score", "label_set", "abstain"),
    ]
    assert [json.loads(found)[0] for found in scored["label_set"]] == scored["predicted_label"].tolist()
    assert scored["question"].tolist() == [asked for asked, _, _ in rows]
    assert (scored["predicted_label"] == [label for _, _, label in rows]).mean() > 0.8
    rejects = pd.read_csv(tmp_path / "scored.csv.rejects.csv")
    assert rejects[["row", "reason"]].values.tolist() == [[13, "column 'answer': no text"]]

    write_csv(tmp_path / "other.csv", ("q", "a"), [row[:2] for row in rows])
    other = paired.finetrail(
        "predict", str(tmp_path / "other.csv"), str(tmp_path / "o.csv"), "--column", "q", "--column", "a"
    )
    assert other.code == 0, other.err
    assert pd.read_csv(tmp_path / "o.csv")["score"].tolist() == pytest.approx(scored["score"].tolist(), abs=1e-6)

    write_csv(tmp_path / "half.csv", ("question", "cooks"), [(asked, label) for asked, _, label in rows])
    half = paired.finetrail("predict", str(tmp_path / "half.csv"), str(tmp_path / "h.csv"))
    assert half.error == (
        "SourceError: half.csv: no column 'answer'; it has 'question', 'cooks'; set source.columns, or give --column"
    )
    one = paired.finetrail("predict", str(tmp_path / "half.csv"), str(tmp_path / "h.csv"), "--column", "question")
    assert one.error == (
        "ConfigError: models:/pairs/1 reads question, answer, but is given question; "
        "name as many with --column, in that order"
    )
    assert not (tmp_path / "h.csv").exists()


def test_every_link_back_to_the_source_holds(paired: Sandbox) -> None:
    # Whoever served the model out of the store left what Python compiled there: `verify` says to remove it.
    for compiled in [*(paired.root / ".finetrail" / "mlflow").rglob("__pycache__")]:
        shutil.rmtree(compiled)
    done = paired.finetrail("verify", "--json", "verified.json")
    assert done.code == 0, done.err
    links = {one["name"]: one["state"] for one in read_json(paired.root / "verified.json")["links"]}
    assert set(links.values()) == {"OK"}, links


def test_of_a_long_pair_the_longer_text_is_cut_and_it_is_told(
    paired: Sandbox, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    rows = [(LONG, "bake bread"), ("bake bread", LONG), ("short", "shorter")]
    write_csv(tmp_path / "long.csv", ("question", "answer"), rows)
    done = paired.finetrail("predict", str(tmp_path / "long.csv"), str(tmp_path / "scored.csv"))
    assert done.code == 0, done.err
    assert "2 of 3 rows have more than 32 tokens: the longer text is cut" in caplog.messages

    from finetrail.tasks.registry import load_model

    built = load_model(paired.paths.model("full"))
    processor: Any = built.processor
    tokenizer = processor.tokenizer
    ids = processor.encode([dict(zip(built.columns, row, strict=True)) for row in rows[:2]]).tokens
    for row, tokens in zip(rows, ids, strict=False):
        assert len(tokens) == 32
        sides = tokenizer.decode(tokens).split("[SEP]")[:2]
        kept = [side.replace("[CLS]", "").split() for side in sides]
        for side, text in zip(kept, row, strict=True):
            whole = tokenizer.decode(tokenizer(text, add_special_tokens=False)["input_ids"]).split()
            assert side == (whole if text == "bake bread" else whole[: len(side)])


def test_symmetric_pairs_stay_on_one_side(tiny_bert: Path, tmp_path: Path) -> None:
    rows = pairs(60)
    swapped = [(reply, asked, "both") for asked, reply, _ in rows]
    file = write_csv(tmp_path / "pairs.csv", ("question", "answer", "cooks"), [*rows, *swapped])
    (tmp_path / "workspace").mkdir()
    sandbox = lay_out(tmp_path / "workspace", PARAMS, {CSV: file, WEIGHTS: tiny_bert})
    crossing = {}
    for symmetric in (False, True):
        sandbox.edit("split.symmetric", symmetric)
        run(sandbox, *(("ingest", "validate") if not symmetric else ()), "split")
        sides: dict[frozenset[str], set[str]] = {}
        for name in SPLITS:
            for text in read_whole(sandbox.paths.split(name))["text"]:
                sides.setdefault(frozenset(text.values()), set()).add(name)
        assert len(sides) == len(rows)
        crossing[symmetric] = sum(len(names) > 1 for names in sides.values())
    assert crossing[False] > 0
    assert crossing[True] == 0


def test_three_columns_need_a_separator_and_are_told_apart_by_their_names(tiny_bert: Path, tmp_path: Path) -> None:
    rows = [(asked, reply, "harbour" if label == "both" else "street", label) for asked, reply, label in pairs(200)]
    file = write_csv(tmp_path / "three.csv", ("question", "answer", "place", "cooks"), rows)
    (tmp_path / "workspace").mkdir()
    sandbox = lay_out(tmp_path / "workspace", PARAMS, {CSV: file, WEIGHTS: tiny_bert})
    sandbox.edit("source.columns.text", ["question", "answer", "place"])
    run(sandbox, "ingest", "validate", "split")
    done = sandbox.finetrail("train", "full")
    assert done.error == (
        "ConfigError: source.columns.text names 3 columns, but a tokenizer joins at most two; set backbone.separator, "
        "for example to ' | '"
    )
    sandbox.edit("backbone.separator", " | ")
    sandbox.edit("backbone.max_tokens", 64)
    sandbox.edit("candidates.full.train.epochs", 4)
    run(sandbox, "train full", "select")
    assert read_json(sandbox.paths.run("full").details)["val"]["accuracy"] > 0.4
    new = write_csv(
        tmp_path / "new.csv", ("place", "question", "answer"), [("harbour", "bake", "boil"), ("b", "c", "")]
    )
    model = str(sandbox.paths.model("full"))
    done = sandbox.finetrail("predict", str(new), str(tmp_path / "scored.csv"), "--model", model)
    assert done.code == 0, done.err
    assert list(pd.read_csv(tmp_path / "scored.csv").columns) == [
        *("place", "question", "answer", "row"),
        *("predicted_label", "score", "label_set", "abstain"),
    ]
    seen = [one["preview"]["text"] for one in read_json(sandbox.paths.run("full").seen)]
    for text in seen:  # the tokenizer knows neither bar nor colon
        assert text.startswith("question ")
        assert " answer " in text
        assert text.endswith((" place harbour", " place street"))
