"""Any number of classes a row: the whole road once, from lists in JSON lines to a registered model and its exports."""

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from finetrail.runs.tracking import tracking_uri
from finetrail.serving.predictions import read_predictions
from finetrail.tasks.registry import load_model
from finetrail.workspace import SPLITS, read_json
from tests.pipeline.compared import PAIR, answers, compared, disagreement
from tests.pipeline.workspaces import WEIGHTS, Sandbox, lay_out
from tests.sets import COLOURS, REST, SHARE, WORDS, tinted_images, topical_texts, write_jsonl
from tests.unit.exports.folders import answer_without_finetrail
from tests.whole import read_whole

JSONL = "data/input/topics.jsonl"
DESKS = ("night", "day", None)
PARAMS = f"""
project: topics
task: {{name: text-classification, problem_type: multi_label_classification}}
seed: 0

source:
  path: {JSONL}
  columns: {{metadata: [desk]}}

validation: {{empty_label: {{policy: "off"}}}}

split: {{val: 0.25, test: 0.25}}

backbone:
  weights: {WEIGHTS}
  max_tokens: 32
  dropout: 0.0

train:
  batch_size: 16
  log_every: 3

candidates:
  linear_probe:
    adaptation: {{method: linear_probe}}
    train: {{epochs: 10, learning_rate: 5e-2, positive_weights: balanced}}
  full:
    adaptation: {{method: full}}
    train: {{epochs: 8, learning_rate: 4e-3}}

selection:
  resamples: 200
  slices: {{night: {{metadata: {{desk: [night]}}}}}}
"""
TABLE = "data/input/tints.parquet"
IMAGES = f"""
project: tints
task: {{name: image-classification, problem_type: multi_label_classification}}
seed: 0
source: {{path: {TABLE}, columns: {{label: colours, delimiter: ";"}}}}
validation:
  near_duplicate: {{policy: "off"}}
  near_conflicting_label: {{policy: "off"}}
split: {{near_duplicates: null, val: 0.3, test: 0.2}}
backbone: {{name: timm/test_efficientnet, weights: random, image_size: 32}}
train: {{batch_size: 16, precision: fp32, learning_rate: 1e-2, metric: micro_f1}}
candidates:
  full:
    adaptation: {{method: full}}
    train: {{epochs: 6, augment: {{flip: true, mixup: 0.2}}}}
selection: {{resamples: 100, metric: micro_f1}}
"""


@pytest.fixture(scope="module")
def topics(tiny_bert: Path, tmp_path_factory: pytest.TempPathFactory) -> Sandbox:
    """A workspace in which every stage has run, each as its command. Read only."""
    good = topical_texts(320)
    (first, classes), (second, _) = good[:2]
    bad: list[tuple[str, list[str] | None]] = [
        (first, classes[::-1]),  # the same set
        (second, ["weather", "cooking", "sailing", "time"]),
        ("nobody knows", None),
    ]
    file = write_jsonl(tmp_path_factory.mktemp("source") / "topics.jsonl", [*good, *bad])
    rows = pd.read_json(file, lines=True)
    desks = [DESKS[row % len(DESKS)] for row in range(len(rows))]
    rows.assign(desk=pd.Series(desks)).to_json(file, orient="records", lines=True)
    sandbox = lay_out(tmp_path_factory.mktemp("topics"), PARAMS, {JSONL: file, WEIGHTS: tiny_bert})
    for stage in ("ingest", "validate", "split", "train linear_probe", "train full", "select", "test", "register"):
        done = sandbox.finetrail(*stage.split())
        assert done.code == 0, (stage, done.err)
    return sandbox


def test_equal_sets_are_duplicates_and_other_sets_contradict(topics: Sandbox) -> None:
    with topics.paths.quarantine.open(encoding="utf-8", newline="") as file:
        aside = {row["content"]: row["rules"] for row in csv.DictReader(file)}
    texts = [text for text, _ in topical_texts(2)]
    assert aside == {
        texts[0]: "duplicate",
        texts[1]: "conflicting_label",
        "nobody knows": "missing_label",
    }


def test_every_class_is_in_every_split_in_proportion(topics: Sandbox) -> None:
    counts = read_json(topics.paths.split_report)["label_counts"]
    whole = [label for name in SPLITS for label in read_whole(topics.paths.split(name))["label"]]
    for name in SPLITS:
        labels = read_whole(topics.paths.split(name))["label"].map(list).tolist()
        for one in WORDS:
            rows = sum(one in label for label in labels)
            assert rows / len(labels) == pytest.approx(sum(one in label for label in whole) / len(whole), abs=0.05)
            assert counts[name][one] == rows
        assert [] in labels, "texts without any class are kept"


def test_training_learns_the_classes(topics: Sandbox) -> None:
    tested = read_json(topics.paths.test_details)
    # By chance the average precision of a class is its share.
    assert tested["test"]["mean_average_precision"] > 2 * SHARE
    assert tested["test"]["micro_f1"] > 0.8
    assert tested["test"]["subset_accuracy"] > 0.4
    ends = tested["intervals"]["mean_average_precision"]
    assert ends["low"] < tested["test"]["mean_average_precision"] < ends["high"]
    assert tested["per_class"].keys() == WORDS.keys()
    assert sum(one["support"] for one in tested["per_class"].values()) == sum(
        map(len, read_whole(topics.paths.split("test"))["label"])
    )


def test_thresholds_are_fitted_on_validation_rows_and_saved_with_the_model(topics: Sandbox) -> None:
    for candidate in ("linear_probe", "full"):
        described = read_json(topics.paths.model(candidate) / "model.json")
        assert described["problem_type"] == "multi_label_classification"
        target = described["target"]
        assert target["labels"] == sorted(WORDS)
        assert len(target["thresholds"]) == len(WORDS)
        assert all(0 < one < 1 for one in target["thresholds"])
        assert set(target["thresholds"]) != {0.5}
        assert read_json(topics.paths.run(candidate).details)["target"] == target


def test_the_report_says_which_classes_are_missed(topics: Sandbox) -> None:
    page = (topics.paths.test_report / "report.html").read_text(encoding="utf-8")
    for words in ("Subset accuracy", "Hamming loss", "mAP", "Thresholds", "Too often, or missed", *WORDS):
        assert words in page
    errors = pd.read_csv(topics.paths.test_report / "errors.csv", keep_default_na=False)
    assert errors["loss"].is_monotonic_decreasing
    named = {name: [set(filter(None, cell.split("; "))) for cell in errors[name]] for name in errors.columns[2:6]}
    pairs = list(zip(named["actual"], named["predicted"], strict=True))
    assert named["missing"] == [actual - predicted for actual, predicted in pairs]
    assert named["superfluous"] == [predicted - actual for actual, predicted in pairs]


def test_a_slice_goes_by_a_column_that_the_source_kept_beside_each_row(topics: Sandbox) -> None:
    rows = map(json.loads, reversed((topics.root / JSONL).read_text("utf-8").splitlines()))
    desks = {row["text"]: row["desk"] for row in rows}  # of equal texts the first stays
    tested = read_whole(topics.paths.split("test"))
    inside = tested["text"].map(desks) == "night"
    assert 0 < inside.sum() < len(tested)
    table = read_predictions(topics.paths.test_report / "predictions.parquet")
    codec = load_model(topics.paths.model(read_json(topics.paths.selection_report)["chosen"])).codec
    right = codec.judge.right(table["label"].tolist(), codec.read(table))
    assert right is not None
    found = read_json(topics.paths.test_details)["slices"]["night"]
    assert found["rows"] == [inside.sum()]
    assert found["error"] == pytest.approx(1 - right[inside.to_numpy()].mean())


def _f1(answered: list[list[str]], classes: list[list[str]]) -> float:
    """Micro F1."""
    right = sum(len(set(one) & set(other)) for one, other in zip(answered, classes, strict=True))
    return 2 * right / (sum(map(len, answered)) + sum(map(len, classes)))


def test_predict_writes_lists_as_json_in_a_csv_file_and_as_they_are_elsewhere(topics: Sandbox, tmp_path: Path) -> None:
    rows = topical_texts(60, seed=9)
    with (tmp_path / "new.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([("text",), *[(text,) for text, _ in rows]])
    found = {}
    for name in ("scored.csv", "scored.jsonl", "scored.parquet"):
        done = topics.finetrail("predict", str(tmp_path / "new.csv"), str(tmp_path / name))
        assert done.code == 0, done.err
    with (tmp_path / "scored.csv").open(encoding="utf-8", newline="") as file:
        found["csv"] = [
            (row["text"], json.loads(row["predicted_labels"]), json.loads(row["scores"]))
            for row in csv.DictReader(file)
        ]
    lines = (tmp_path / "scored.jsonl").read_text(encoding="utf-8").splitlines()
    columns = ["text", "predicted_labels", "scores"]
    found["jsonl"] = [tuple(json.loads(line)[name] for name in columns) for line in lines]
    frame = pd.read_parquet(tmp_path / "scored.parquet")
    found["parquet"] = [
        (text, list(labels), list(scores)) for text, labels, scores in frame[columns].itertuples(index=False)
    ]
    assert [text for text, _, _ in found["csv"]] == [text for text, _ in rows]
    assert _f1([labels for _, labels, _ in found["csv"]], [classes for _, classes in rows]) > 0.8
    for _, labels, scores in found["csv"]:
        assert len(labels) == len(scores)
        assert scores == sorted(scores, reverse=True)
    for other in ("jsonl", "parquet"):
        assert [(text, labels) for text, labels, _ in found[other]] == [one[:2] for one in found["csv"]]
        for (_, _, scores), (_, _, same) in zip(found[other], found["csv"], strict=True):
            assert scores == pytest.approx(same, abs=1e-9)


def test_the_registered_model_answers_a_request_with_lists(topics: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    import mlflow
    from mlflow.pyfunc.scoring_server import invocations

    monkeypatch.setenv("MLFLOW_TRACKING_URI", tracking_uri(topics.paths))
    model = mlflow.pyfunc.load_model("models:/topics@challenger")
    assert str(model.metadata.get_output_schema()) == (
        "['labels': Array(string) (required), 'scores': Array(double) (required), "
        "'probabilities': Array({label: string (required), probability: double (required)}) (optional)]"
    )
    words = {name: " ".join(chosen[:4] + REST[:8]) for name, chosen in WORDS.items()}
    asked = [words["cooking"], " ".join((words["sailing"], words["weather"])), " ".join(REST[:12])]
    body = json.dumps({"dataframe_split": {"columns": ["text"], "data": [[text] for text in asked]}})
    answer = invocations(body, "application/json", model, model.metadata.get_input_schema())
    assert answer.status == 200, answer.response
    found: list[dict[str, Any]] = json.loads(answer.response)["predictions"]
    assert [sorted(one["labels"]) for one in found] == [["cooking"], ["sailing", "weather"], []]
    assert found[2] == {"labels": [], "scores": []}
    assert all(isinstance(score, float) for one in found for score in one["scores"])


def test_the_gate_judges_the_recall_of_each_class(topics: Sandbox) -> None:
    done = topics.finetrail("promote", "--dry-run", "--json", "verdict.json")
    assert done.code == 0, done.out + done.err
    verdict = read_json(topics.root / "verdict.json")
    assert verdict["promoted"] is False
    rules = {one["rule"]: one for one in verdict["verdict"]["rulings"]}
    assert list(rules) == ["mAP", "test split"]
    assert rules["mAP"]["numbers"]["low"] > 0, "for certain better than the commonest set"


@pytest.mark.parametrize("form", ["hf", "onnx"])
def test_an_export_answers_as_the_pipeline_did(topics: Sandbox, tmp_path: Path, form: str) -> None:
    done = topics.finetrail("export", str(tmp_path / "out"), "--format", form)
    assert done.code == 0, done.err
    texts = read_whole(topics.paths.split("test"))["text"].tolist()
    answer_without_finetrail([tmp_path / "out"], {"texts": texts, "pairs": [], "paths": []})
    answered = pd.read_parquet(topics.paths.test_report / "predictions.parquet")
    logits = np.load(tmp_path / "out" / "logits.npy")
    codec = load_model(topics.paths.model(read_json(topics.paths.selection_report)["chosen"])).codec
    assert codec.scales is not None
    slopes, shifts = codec.scales
    assert np.any(slopes != 1)
    trained = np.stack(answered["logits"].tolist()).astype(np.float64)
    np.testing.assert_allclose(logits, trained * slopes + shifts, atol=1e-4)
    chosen = read_json(topics.paths.selection_report)["chosen"]
    target = read_json(topics.paths.model(chosen) / "model.json")["target"]
    given = 1 / (1 + np.exp(-trained)) >= target["thresholds"]
    wanted = [[target["labels"][k] for k in np.flatnonzero(row)] for row in given]
    printed = (tmp_path / "out" / "printed.txt").read_text(encoding="utf-8").splitlines()
    assert [json.loads(line.replace("'", '"')) for line in printed] == wanted
    card = (tmp_path / "out" / "README.md").read_text(encoding="utf-8")
    assert "| label | threshold | precision | recall | F1 | rows |" in card


def test_images_learn_their_colours_from_strings_with_a_delimiter(tmp_path: Path) -> None:
    rows = [(image, "; ".join(colours)) for image, colours in tinted_images(160)]
    (tmp_path / "images").mkdir()
    pd.DataFrame(rows, columns=["image", "colours"]).to_parquet(tmp_path / "tints.parquet")
    sandbox = lay_out(tmp_path / "images", IMAGES, {TABLE: tmp_path / "tints.parquet"})
    for stage in ("ingest", "validate", "split", "train full", "select"):
        done = sandbox.finetrail(*stage.split())
        assert done.code == 0, (stage, done.err)
    ranking = read_json(sandbox.paths.selection_report)["ranking"]
    assert ranking[0]["value"] > 0.9
    assert read_json(sandbox.paths.model("full") / "model.json")["target"]["labels"] == list(COLOURS)
    assert [] in read_whole(sandbox.paths.split("val"))["label"].map(list).tolist(), "dark images are kept"


def test_candidates_disagree_where_their_own_thresholds_give_other_sets(topics: Sandbox, tmp_path: Path) -> None:
    found = compared(topics, tmp_path)
    given = []
    for name, logits in zip(PAIR, answers(topics, "logits"), strict=True):
        thresholds = read_json(topics.paths.run(name).details)["target"]["thresholds"]
        given.append(1 / (1 + np.exp(-np.array(logits, dtype=np.float64))) >= thresholds)
    assert 0 < disagreement(found) == (given[0] != given[1]).any(axis=1).mean()
