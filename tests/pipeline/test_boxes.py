"""Boxes around objects: the whole road once, from Pascal VOC's files to a model that finds shapes in photos."""

import base64
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
from finetrail.inference.features import Features, compute_features
from finetrail.inference.predict import predict
from finetrail.runs.tracking import tracking_uri
from finetrail.serving.predictions import read_predictions
from finetrail.targets.boxes import BOXES
from finetrail.tasks.registry import load_model
from finetrail.workspace import read_json
from tests.drawn import drawn, png, write_voc
from tests.pipeline import forks
from tests.pipeline.trainings import after, train
from tests.pipeline.workspaces import Sandbox, lay_out
from tests.whole import read_whole

ZIP = "data/input/toy.zip"
PARAMS = f"""
project: boxes
task: object-detection
seed: 0

source:
  path: {ZIP}

validation:
  near_duplicate: {{policy: "off"}}
  near_conflicting_label: {{policy: "off"}}

split: {{method: official, near_duplicates: 0}}

backbone:
  name: timm/test_resnet
  weights: random
  image_size: 96
  aspect: [3, 2]

train:
  batch_size: 8
  log_every: 4
  precision: fp32
  pyramid_width: 64
  tower: 1

candidates:
  linear_probe:
    adaptation: {{method: linear_probe}}
    train: {{epochs: 1, learning_rate: 5e-3, detector: faster_rcnn}}
  full:
    adaptation: {{method: full}}
    train:
      epochs: 4
      learning_rate: 5e-3
      checkpoint_seconds: 0
      augment: {{flip: both, scale: [0.9, 1.1], color: 0.1, crop: 0.7, mosaic: 0.1, mixup: 0.1}}

selection:
  resamples: 100
"""


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Sandbox:
    """A workspace in which every stage has run, each as its command. Read only.

    The training that others are compared with has a process of its own, as they have.
    """
    file = write_voc(tmp_path_factory.mktemp("source") / "toy.zip", 48, 12, 12)
    sandbox = lay_out(tmp_path_factory.mktemp("found"), PARAMS, {ZIP: file})
    for stage in ("ingest", "validate", "split", "train linear_probe", "train full", "select", "test", "register"):
        done = forks.run(sandbox, *stage.split()) if "full" in stage else sandbox.finetrail(*stage.split())
        assert done.code == 0, (stage, done.err)
    return sandbox


def test_an_annotation_without_its_image_is_put_aside_and_images_without_boxes_are_counted(found: Sandbox) -> None:
    with found.paths.quarantine.open(encoding="utf-8", newline="") as file:
        (row,) = csv.DictReader(file)
    assert row["rules"] == "missing_image"
    assert "lost.xml" in row["source"]
    counted = read_json(found.root / "data" / "reports" / "validation" / "validation.json")
    assert "(images without a box)" in json.dumps(counted)


def test_training_learns_to_find_shapes(found: Sandbox) -> None:
    tested = read_json(found.paths.test_details)
    assert tested["test"]["map_50"] > 0.5
    assert tested["rivals"]["the mean box of each class"]["ahead"][0] > 0.3, "the least that the model leads by"
    described = read_json(found.paths.model("full") / "model.json")["target"]
    assert described["threshold"] != 0.5
    assert sum(tested["mistakes"].values()) >= 0
    errors = pd.read_csv(found.paths.test_report / "errors.csv")
    assert list(errors.columns)[:3] == ["id", "objects", "answers"]
    page = (found.paths.test_report / "report.html").read_text(encoding="utf-8")
    assert "Kinds of mistakes" in page


def test_what_is_written_means_the_same_answers(found: Sandbox) -> None:
    codec = load_model(found.paths.model("full")).codec
    frame = read_predictions(found.paths.test_report / "predictions.parquet")
    scores = point_scores(codec.judge, frame["label"].tolist(), codec.read(frame))
    tested = read_json(found.paths.test_details)["test"]
    assert scores == pytest.approx({name: tested[name] for name in scores})


def test_a_linear_probe_learns_from_features_that_are_computed_once(found: Sandbox) -> None:
    built = load_model(found.paths.model("linear_probe"))
    inputs = built.processor.encode(read_whole(found.paths.split("val"))["image"].tolist())
    features = compute_features(built.model, inputs, 4)
    assert isinstance(features, Features)
    for one, other in zip(
        *(predict(built.model, of, built.learning.keep, 4) for of in (features, inputs)), strict=True
    ):
        np.testing.assert_allclose(one, other, rtol=0, atol=1e-4)


def test_predict_and_the_registered_model_answer_in_pixels_of_the_upright_image(
    found: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import mlflow
    from mlflow.pyfunc.scoring_server import invocations

    image, boxes = drawn(1, (80, 60))
    (tmp_path / "photos").mkdir()
    for turned in (1, 6):
        (tmp_path / "photos" / f"{turned}.png").write_bytes(png(image, turned))
    done = found.finetrail("predict", str(tmp_path / "photos"), str(tmp_path / "scored.jsonl"))
    assert done.code == 0, done.err
    upright, turned = (json.loads(line)["objects"] for line in (tmp_path / "scored.jsonl").read_text().splitlines())
    assert upright == turned
    assert boxes

    monkeypatch.setenv("MLFLOW_TRACKING_URI", tracking_uri(found.paths))
    model = mlflow.pyfunc.load_model("models:/boxes@challenger")
    sent = {"dataframe_records": [{"image": base64.b64encode(png(image, turned=6)).decode()}]}
    answer = invocations(json.dumps(sent), "application/json", model, model.metadata.get_input_schema())
    assert answer.status == 200, answer.response
    (served,) = json.loads(answer.response)["predictions"]
    assert near(served["objects"], upright)


def near(one: list[dict[str, Any]], other: list[dict[str, Any]]) -> bool:
    assert [box["label"] for box in one] == [box["label"] for box in other]
    for mine, yours in zip(one, other, strict=True):
        assert list(mine) == ["label", "score", "xmin", "ymin", "xmax", "ymax"]
        assert all(mine[name] == pytest.approx(yours[name], abs=1e-3) for name in list(mine)[1:])
    return True


def test_a_training_that_was_killed_ends_with_the_same_bytes(found: Sandbox, tmp_path: Path) -> None:
    again = found.copy(tmp_path / "again")
    assert forks.start(again, "train", "full").kill(after(again, 9)).err == ""
    assert "training resumes after step" in train(again)
    for file in ("model.safetensors", "model.json"):
        assert (again.paths.model("full") / file).read_bytes() == (found.paths.model("full") / file).read_bytes()


def test_it_is_exported_in_forms_whose_own_code_finds_the_same_boxes(found: Sandbox, tmp_path: Path) -> None:
    photo, _ = drawn(1, (80, 60))
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "1.png").write_bytes(png(photo, turned=6))
    said = found.finetrail("predict", str(tmp_path / "photos"), str(tmp_path / "scored.jsonl"))
    assert said.code == 0, said.err
    objects = json.loads((tmp_path / "scored.jsonl").read_text())["objects"]
    assert objects
    for form, library in (("onnx", "onnx"), ("hf", "pytorch")):
        done = found.finetrail("export", str(tmp_path / form), "--format", form)
        assert done.code == 0, done.err
        card = (tmp_path / form / "README.md").read_text(encoding="utf-8")
        assert re.search(rf"- mAP on 12 validation rows: trained ([0-9.]+), {library} \1\.", card), card
        (tmp_path / form / "image.png").write_bytes(png(photo, turned=6))
        code = card.partition("```python\n")[2].partition("```")[0]
        answered = subprocess.run([sys.executable, "-c", code], cwd=tmp_path / form, capture_output=True, text=True)
        assert answered.returncode == 0, answered.stderr
        lines = [line.split() for line in answered.stdout.splitlines()]
        assert [line[1] for line in lines] == [box["label"] for box in objects]
        for line, box in zip(lines, objects, strict=True):
            assert list(map(float, line[2:])) == pytest.approx(list(box.values())[1:], abs=0.06)


def test_assessments_follow_the_boxes(found: Sandbox, tmp_path: Path) -> None:
    assessed = found.copy(tmp_path / "assessed")
    asked = {"robustness": {"severities": [3], "max_rows": 10}, "attacks": {"epsilons": [4], "max_rows": 10}}
    assessed.edit("assess", {**asked, "slices": {}})
    for name in (*asked, "slices"):
        done = assessed.finetrail("assess", name)
        assert done.code == 0, (name, done.err)
    page = (found.paths.test_report / "report.html").read_text(encoding="utf-8")
    seen = page.partition('id="seen"')[2].partition("</section>")[0]
    assert seen.count("object hit") > 8, "the boxes that are learnt are drawn"
    assert "1 circle, 1 square" in seen, "and told in a few words"


def test_labels_are_assessed_also_after_a_kill_and_an_accepted_suggestion_replaces_one(
    found: Sandbox, tmp_path: Path
) -> None:
    assessed = found.copy(tmp_path / "assessed")
    assessed.edit("assess", {"labels": {"folds": 2, "max_shown": 20, "neighbours": 1}})
    again = assessed.copy(tmp_path / "again")
    done = forks.run(assessed, "assess", "labels")
    assert done.code == 0, done.err
    assert "2 trainings of full: about" in done.out
    checkpoints = again.root / ".finetrail" / "checkpoints" / ".labels"
    forks.start(again, "assess", "labels").kill(lambda: len(list(checkpoints.glob("*/1/step-*"))) > 0)
    done = forks.run(again, "assess", "labels")
    assert "assess.labels: a training resumes after step" in done.err
    answered = [one.paths.assessment("labels") / "predictions.parquet" for one in (assessed, again)]
    assert answered[0].read_bytes() == answered[1].read_bytes()
    suspects = read_json(assessed.paths.assessment("labels") / "labels.json")["suspects"]
    row, cell = next((one["id"], one["suggestion"]) for one in suspects if one["suggestion"])
    correct(assessed, row, cell)
    (label,) = (one["label"] for one in read_whole(assessed.paths.raw).to_dict("records") if one["id"] == row)
    assert BOXES.key(label) == cell


def correct(sandbox: Sandbox, row: str, cell: str) -> None:
    """What `finetrail review` writes, and the stages that follow it."""
    with (sandbox.root / "data" / "corrections.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([("id", "label", "who", "why"), (row, cell, "Ada", "")])
    for stage in ("ingest", "validate", "split"):
        done = sandbox.finetrail(stage)
        assert done.code == 0, (stage, done.err)


def test_every_link_holds(found: Sandbox) -> None:
    done = found.finetrail("verify")
    assert "0 broken" in done.out
