"""Names and places in sentences: the whole road once, from a CoNLL file of documents to a model that answers spans."""

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
import torch

from finetrail.data.words import words
from finetrail.evaluation.scores.bootstrap import Draws, intervals
from finetrail.inference.features import RaggedFeatures, compute_features
from finetrail.inference.predict import predict
from finetrail.models.weights import load_tensors
from finetrail.runs.tracking import tracking_uri
from finetrail.serving.answer import answers_to
from finetrail.serving.predictions import read_predictions
from finetrail.tasks.registry import load_model
from finetrail.workspace import SPLITS, read_json
from tests.pipeline.compared import answers, compared, disagreement
from tests.pipeline.workspaces import WEIGHTS, Sandbox, lay_out
from tests.tagged import A_DOCUMENT, Sentence, sentences, spans_of, text_of, write_conll
from tests.unit.exports.folders import answer_without_finetrail
from tests.whole import read_whole

CONLL = "data/input/places.conll"
PARAMS = f"""
project: places
task: token-classification
seed: 0

source:
  path: {CONLL}

validation: {{}}

split: {{method: group, val: 0.2, test: 0.2}}

backbone:
  weights: {WEIGHTS}
  max_tokens: 16
  dropout: 0.0

train:
  batch_size: 16
  log_every: 3
  precision: fp32

candidates:
  linear_probe:
    adaptation: {{method: linear_probe}}
    train: {{epochs: 8, learning_rate: 5e-2}}
  full:
    adaptation: {{method: full}}
    train: {{epochs: 6, learning_rate: 4e-3}}

selection:
  resamples: 200
"""
ILLEGAL: Sentence = [("never", "O"), ("Anchor", "I-PER"), ("again", "O")]
STRANGE = (
    "\U0001f469\u200d\U0001f469\u200d\U0001f467 said Anchor Keel\r\nwe\u0301re in Flo\u0301od , after "
    "\U0001f1eb\U0001f1f7 with Cloud ."
)
"""An emoji of three joined ones, a line of Windows, letters with combining marks, and a flag of two characters."""
IN_STRANGE = [("Anchor Keel", "PER"), ("Flo\u0301od", "LOC"), ("Cloud", "LOC")]


@pytest.fixture(scope="module")
def tagged(tiny_bert: Path, tmp_path_factory: pytest.TempPathFactory) -> Sandbox:
    """A workspace in which every stage has run, each as its command. Read only."""
    rows = sentences(300)
    file = write_conll(tmp_path_factory.mktemp("source") / "places.conll", [*rows, rows[0], ILLEGAL])
    sandbox = lay_out(tmp_path_factory.mktemp("tagged"), PARAMS, {CONLL: file, WEIGHTS: tiny_bert})
    for stage in ("ingest", "validate", "split", "train linear_probe", "train full", "select", "test", "register"):
        done = sandbox.finetrail(*stage.split())
        assert done.code == 0, (stage, done.err)
    return sandbox


def aside_of(sandbox: Sandbox) -> dict[str, str]:
    """The rules of each quarantined text."""
    with sandbox.paths.quarantine.open(encoding="utf-8", newline="") as file:
        return {row["content"]: row["rules"] for row in csv.DictReader(file)}


def test_a_sentence_whose_tags_break_their_scheme_is_put_aside(tagged: Sandbox) -> None:
    assert aside_of(tagged) == {text_of(sentences(1)[0]): "duplicate", text_of(ILLEGAL): "illegal_tags"}


def test_documents_are_groups_that_stay_together(tagged: Sandbox) -> None:
    groups = {name: read_whole(tagged.paths.split(name))["group"] for name in SPLITS}
    assert sum(one.nunique() for one in groups.values()) == pd.concat(groups.values()).nunique() == 300 / A_DOCUMENT
    assert {size for one in groups.values() for size in one.value_counts()} == {A_DOCUMENT}
    assert groups["test"].str.startswith("places.conll: doc ").all()


def test_intervals_are_drawn_by_documents(tagged: Sandbox) -> None:
    chosen = load_model(tagged.paths.model(read_json(tagged.paths.selection_report)["chosen"]))
    frame = read_predictions(tagged.paths.test_report / "predictions.parquet")
    labels, answers = frame["label"].tolist(), chosen.codec.read(frame)
    reported = read_json(tagged.paths.test_details)["intervals"]
    found = {}
    for name, groups in (("documents", frame["group"].tolist()), ("rows", None)):
        interval = intervals(chosen.codec.judge, labels, answers, Draws(200, 0, 0.95), groups)["recall"]
        found[name] = {"low": interval.low, "high": interval.high}
    assert reported["recall"] == pytest.approx(found["documents"])
    assert reported["recall"] != pytest.approx(found["rows"])
    page = (tagged.paths.test_report / "report.html").read_text(encoding="utf-8")
    assert f"intervals are drawn by {frame['group'].nunique()} documents" in page


def test_training_learns_the_spans(tagged: Sandbox) -> None:
    tested = read_json(tagged.paths.test_details)
    assert tested["test"]["f1"] > 0.8
    assert tested["test"]["conlleval_f1"] == pytest.approx(tested["test"]["f1"])
    assert tested["test"]["f1"] <= tested["test"]["partial_f1"]
    assert set(tested["per_type"]) == {"LOC", "PER"}
    rows = read_whole(tagged.paths.split("test"))
    assert sum(one["support"] for one in tested["per_type"].values()) == sum(map(len, rows["label"]))
    errors = pd.read_csv(tagged.paths.test_report / "errors.csv", keep_default_na=False)
    assert list(errors.columns) == ["id", "content", "kinds", "actual", "predicted"]
    assert (errors["actual"] != errors["predicted"]).all()


def test_a_linear_probe_learns_from_features_of_words_that_are_computed_once(tagged: Sandbox) -> None:
    metrics = read_json(tagged.paths.run("linear_probe").details)
    assert metrics["val"]["f1"] > 0.3
    # In training the features were read, and at its end the texts.
    curve = pd.read_csv(tagged.paths.run("linear_probe").val_curve)
    kept = curve[curve["epoch"] == metrics["best_epoch"]].iloc[0]
    assert kept["f1"] == pytest.approx(metrics["val"]["f1"], abs=1e-9)
    assert kept["loss"] == pytest.approx(metrics["val"]["loss"], rel=1e-6)
    built = load_model(tagged.paths.model("linear_probe"))
    inputs = built.processor.encode(read_whole(tagged.paths.split("val"))["text"].tolist())
    features = compute_features(built.model, inputs, 32)
    assert isinstance(features, RaggedFeatures)
    answers = [predict(built.model, one, built.learning.keep, 32) for one in (features, inputs)]
    assert [len(one) for one in answers] == [len(inputs)] * 2
    for from_features, from_texts in zip(*answers, strict=True):
        np.testing.assert_allclose(from_features, from_texts, rtol=0, atol=1e-6)
    given = load_tensors(tagged.root / WEIGHTS / "model.safetensors")
    trained = load_tensors(tagged.paths.model("linear_probe") / "model.safetensors")
    encoder = {name: trained[f"backbone.encoder.{name}"] for name in given if not name.startswith("pooler.")}
    assert [name for name, tensor in encoder.items() if not torch.equal(tensor, given[name])] == []


def test_a_long_text_is_read_in_windows_and_every_word_gets_an_answer(tagged: Sandbox) -> None:
    built = load_model(tagged.paths.model("full"))
    long = [one for part in sentences(12, seed=7) for one in part]
    text = text_of(long)
    inputs = built.processor.encode([text])
    assert len(inputs) > 10
    assert max(inputs.lengths) <= 16
    answers = answers_to(built, [text])
    assert list(answers.words[0]) == words(text)
    assert answers.logits[0].shape == (len(words(text)), len(built.codec.outputs))
    assert len(np.unique(answers.logits[0], axis=0)) > 0.9 * len(set(text.split())), "none is a filler"
    found = [(text[span.start : span.end], span.type) for span in answers.spans[0]]
    wanted = spans_of(long)
    assert len(set(found) & set(wanted)) > 0.8 * len(set(wanted))
    assert found[-1] == wanted[-1], "far behind the first window"


def test_predict_keeps_offsets_exact(tagged: Sandbox, tmp_path: Path) -> None:
    rows = sentences(20, seed=9)
    texts = [*map(text_of, rows), STRANGE]
    with (tmp_path / "new.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([("text",), *[(text,) for text in texts]])
    done = tagged.finetrail("predict", str(tmp_path / "new.csv"), str(tmp_path / "scored.csv"))
    assert done.code == 0, done.err
    with (tmp_path / "scored.csv").open(encoding="utf-8", newline="") as file:
        scored = [(row["text"], json.loads(row["spans"])) for row in csv.DictReader(file)]
    assert [text for text, _ in scored] == texts
    found = [[(text[one["start"] : one["end"]], one["type"]) for one in spans] for text, spans in scored]
    assert found[-1] == IN_STRANGE
    pairs = list(zip(found, map(spans_of, rows), strict=False))
    right = sum(span in answered for answered, wanted in pairs for span in wanted)
    assert right > 0.8 * sum(len(wanted) for _, wanted in pairs)
    assert all(0 < one["score"] <= 1 for _, spans in scored for one in spans)


def test_the_registered_model_answers_a_request_with_spans(tagged: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    import mlflow
    from mlflow.pyfunc.scoring_server import invocations

    monkeypatch.setenv("MLFLOW_TRACKING_URI", tracking_uri(tagged.paths))
    model = mlflow.pyfunc.load_model("models:/places@challenger")
    texts = ["they said Anchor Keel was there .", STRANGE, "nothing was said ."]
    body = json.dumps({"dataframe_split": {"columns": ["text"], "data": [[text] for text in texts]}})
    answer = invocations(body, "application/json", model, model.metadata.get_input_schema())
    assert answer.status == 200, answer.response
    found: list[dict[str, Any]] = json.loads(answer.response)["predictions"]
    assert [list(one) for one in found] == [["spans"]] * 3
    (span,) = found[0]["spans"]
    assert list(span) == ["start", "end", "type", "score"]
    assert (span["start"], span["end"], span["type"]) == (10, 21, "PER")
    assert [(STRANGE[one["start"] : one["end"]], one["type"]) for one in found[1]["spans"]] == IN_STRANGE
    assert found[2] == {"spans": []}


def test_the_gate_judges_by_strict_f1(tagged: Sandbox) -> None:
    done = tagged.finetrail("promote", "--dry-run", "--json", "verdict.json")
    assert done.code == 0, done.out + done.err
    rules = {one["rule"]: one for one in read_json(tagged.root / "verdict.json")["verdict"]["rulings"]}
    assert list(rules) == ["F1", "test split"]
    assert rules["F1"]["numbers"]["low"] > 0.5
    found = tagged.finetrail("evaluate")
    assert found.code == 0, found.err
    assert "test f1 of models:/places/1: " in found.out


def test_an_exported_token_classifier_gives_each_word_its_logits(tagged: Sandbox, tmp_path: Path) -> None:
    from transformers import AutoModelForTokenClassification, AutoTokenizer

    done = tagged.finetrail("export", str(tmp_path / "out"))
    assert done.code == 0, done.err
    tokenizer = AutoTokenizer.from_pretrained(tmp_path / "out")
    model = AutoModelForTokenClassification.from_pretrained(tmp_path / "out").eval()
    assert list(model.config.id2label.values()) == ["O", "B-LOC", "I-LOC", "B-PER", "I-PER"]
    rows = short_rows(tagged, tokenizer)
    with torch.inference_mode():
        batch = tokenizer([text for text, _, _ in rows], padding=True, return_tensors="pt")
        compare(tokenizer, rows, model(**batch).logits.numpy())
    # The code of its card, as a reader runs it.
    code = re.findall(r"```python\n(.*?)```", (tmp_path / "out" / "README.md").read_text(encoding="utf-8"), re.DOTALL)[
        0
    ]
    code = code.replace("Ada Lovelace wrote to Charles Babbage in London.", "they said Anchor Keel was there .")
    shown = subprocess.run([sys.executable, "-c", code], cwd=tmp_path / "out", capture_output=True, text=True)
    assert shown.returncode == 0, shown.stderr
    assert "'entity_group': 'PER'" in shown.stdout
    assert "'start': 10, 'end': 21" in shown.stdout


def test_an_exported_graph_gives_each_word_its_logits(tagged: Sandbox, tmp_path: Path) -> None:
    from transformers import AutoTokenizer

    done = tagged.finetrail("export", str(tmp_path / "out"), "--format", "onnx")
    assert done.code == 0, done.err
    tokenizer = AutoTokenizer.from_pretrained(tmp_path / "out")
    rows = short_rows(tagged, tokenizer)
    answer_without_finetrail([tmp_path / "out"], {"texts": [text for text, _, _ in rows], "pairs": [], "paths": []})
    compare(tokenizer, rows, np.load(tmp_path / "out" / "logits.npy"))


Row = tuple[str, list[tuple[int, int]], Any]
"""A text, its words, and the pipeline's logits (W, K) for them."""


def short_rows(sandbox: Sandbox, tokenizer: Any) -> list[Row]:
    """The test rows that are read in one window, as stage `test` answered them."""
    frame = read_predictions(sandbox.paths.test_report / "predictions.parquet")
    codec = load_model(sandbox.paths.model(read_json(sandbox.paths.selection_report)["chosen"])).codec
    answers = codec.read(frame)
    whole = read_whole(sandbox.paths.split("test")).set_index("id")["text"]
    assert codec.scales is not None
    served = [logits * codec.scales[0] for logits in answers.logits]  # an export's softmax is calibrated
    rows = list(zip(whole[frame["id"]], answers.words, served, strict=True))
    found = [row for row in rows if len(tokenizer(row[0], truncation=False)["input_ids"]) <= 16]
    assert 10 < len(found) < len(rows)
    return found


def compare(tokenizer: Any, rows: list[Row], logits: Any) -> None:
    """Compare what the first piece of each word gets with the pipeline's answer. Args: logits: (B, T, K)."""
    for (text, places, wanted), of_pieces in zip(rows, logits, strict=True):
        offsets = tokenizer(text, return_offsets_mapping=True)["offset_mapping"]
        firsts = [next(k for k, (start, end) in enumerate(offsets) if start == place < end) for place, _ in places]
        np.testing.assert_allclose(of_pieces[firsts], wanted, atol=1e-4)


SPANS = """
project: spans
task: token-classification
seed: 0
source: {path: data/input/spans.jsonl}
validation: {rare_label: {policy: "off"}}
split: {}
backbone: {weights: data/weights/none}
train: {}
candidates: {full: {adaptation: {method: full}}}
selection: {}
"""
TEXT = "Anchor Keel was in Flood number {}"
BAD = {
    "outside_text": [{"start": 0, "end": 11, "type": "PER"}, {"start": 19, "end": 99, "type": "LOC"}],
    "overlapping_spans": [{"start": 0, "end": 11, "type": "PER"}, {"start": 7, "end": 11, "type": "LOC"}],
    "cut_word": [{"start": 0, "end": 4, "type": "PER"}],
    "missing_label": None,
}


def test_spans_that_cannot_be_tags_of_words_are_put_aside(tmp_path: Path) -> None:
    good = [{"start": 0, "end": 11, "type": "PER"}, {"start": 19, "end": 24, "type": "LOC"}]
    triples = [[19, 24, "LOC"], [0, 11, "PER"]]
    spaced = [{"start": 0, "end": 12, "label": "PER"}]
    rows = [good, triples, [], spaced, *BAD.values()]
    lines = [json.dumps({"text": TEXT.format(number), "spans": spans}) for number, spans in enumerate(rows)]
    (tmp_path / "spans.jsonl").write_text("\n".join(lines), encoding="utf-8")
    (tmp_path / "workspace").mkdir()
    sandbox = lay_out(tmp_path / "workspace", SPANS, {"data/input/spans.jsonl": tmp_path / "spans.jsonl"})
    for stage in ("ingest", "validate"):
        done = sandbox.finetrail(stage)
        assert done.code == 0, (stage, done.err)
    aside = aside_of(sandbox)
    assert aside == {TEXT.format(3): "cut_word", **{TEXT.format(4 + n): rule for n, rule in enumerate(BAD)}}
    assert read_json(sandbox.paths.validation_report)["rows"]["passed"] == 3
    stored = read_whole(sandbox.paths.raw)["label"]
    assert [list(one) for one in stored[:3]] == [good, good, []], "sorted, and in one form"


def test_candidates_disagree_where_their_spans_differ(tagged: Sandbox, tmp_path: Path) -> None:
    found = compared(tagged, tmp_path)
    one, other = (
        [{(span["start"], span["end"], span["type"]) for span in row} for row in rows]
        for rows in answers(tagged, "spans")
    )
    share = np.mean([mine != theirs for mine, theirs in zip(one, other, strict=True)])
    assert 0 < disagreement(found) == share
    assert found["differing"] == "other spans"
