"""Masks of objects: the whole road once, from regions to a model that draws the shapes which it finds."""

import base64
import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from pycocotools import mask as coco

from finetrail.evaluation.scores.bootstrap import point_scores
from finetrail.runs.tracking import tracking_uri
from finetrail.serving.predictions import read_predictions
from finetrail.tasks.registry import load_model
from finetrail.workspace import read_json
from tests.drawn import drawn, mask_of, png, write_instances
from tests.pipeline import forks
from tests.pipeline.trainings import after, train
from tests.pipeline.workspaces import Sandbox, lay_out

TABLE = "data/input/toy.parquet"
PARAMS = f"""
project: instances
task: {{name: image-segmentation, problem_type: instance_segmentation}}
seed: 0

source:
  path: {TABLE}
  columns: {{label: mask, split: split}}

validation:
  near_duplicate: {{policy: "off"}}
  near_conflicting_label: {{policy: "off"}}

split: {{method: official, near_duplicates: 0}}

backbone:
  name: timm/test_resnet
  weights: random
  image_size: 64

train:
  batch_size: 4
  log_every: 4
  precision: fp32
  pyramid_width: 64
  tower: 1

candidates:
  linear_probe:
    adaptation: {{method: linear_probe}}
    train: {{epochs: 1, learning_rate: 5e-3}}
  full:
    adaptation: {{method: full}}
    train:
      epochs: 6
      learning_rate: 5e-3
      checkpoint_seconds: 0
      augment: {{flip: both, scale: [0.9, 1.1], color: 0.1}}

selection:
  resamples: 100
"""


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Sandbox:
    """A workspace in which every stage has run, each as its command. Read only.

    The training that others are compared with has a process of its own, as they have.
    """
    file = write_instances(tmp_path_factory.mktemp("source") / "toy.parquet", 40, 10, 10)
    sandbox = lay_out(tmp_path_factory.mktemp("found"), PARAMS, {TABLE: file})
    for stage in ("ingest", "validate", "split", "train linear_probe", "train full", "select", "test", "register"):
        done = forks.run(sandbox, *stage.split()) if "full" in stage else sandbox.finetrail(*stage.split())
        assert done.code == 0, (stage, done.err)
    return sandbox


def test_training_learns_to_draw_shapes(found: Sandbox) -> None:
    tested = read_json(found.paths.test_details)
    assert tested["test"]["mask_map_50"] > 0.5
    assert tested["rivals"]["the mean box of each class"]["ahead"][0] > 0.2, "the least that the model leads by"
    errors = pd.read_csv(found.paths.test_report / "errors.csv")
    assert list(errors.columns)[:3] == ["id", "objects", "answers"]
    page = (found.paths.test_report / "report.html").read_text(encoding="utf-8")
    assert "Areas of masks" in page
    assert "data:image/png" in page


def test_what_is_written_means_the_same_answers(found: Sandbox) -> None:
    codec = load_model(found.paths.model("full")).codec
    frame = read_predictions(found.paths.test_report / "predictions.parquet")
    scores = point_scores(codec.judge, frame["label"].tolist(), codec.read(frame))
    tested = read_json(found.paths.test_details)["test"]
    assert scores == pytest.approx({name: tested[name] for name in scores})


@pytest.mark.filterwarnings("ignore:__array__ implementation")  # of pycocotools
def test_predict_and_the_registered_model_answer_in_pixels_of_the_upright_image(
    found: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import mlflow
    from mlflow.pyfunc.scoring_server import invocations

    small, boxes = drawn(1)
    image = small.resize((128, 96))
    (tmp_path / "photos").mkdir()
    for turned in (1, 6):
        (tmp_path / "photos" / f"{turned}.png").write_bytes(png(image, turned))
    done = found.finetrail("predict", str(tmp_path / "photos"), str(tmp_path / "scored.jsonl"))
    assert done.code == 0, done.err
    upright, turned = (json.loads(line)["objects"] for line in (tmp_path / "scored.jsonl").read_text().splitlines())
    assert upright == turned
    drawn_there = np.zeros((96, 128), dtype=np.bool_)
    for one in upright:
        assert list(one) == ["label", "score", "xmin", "ymin", "xmax", "ymax", "width", "height", "counts"]
        drawn_there |= coco.decode({"size": [one["height"], one["width"]], "counts": one["counts"]}) > 0
    truth = np.asarray(mask_of(boxes).resize((128, 96), 0)) > 0
    assert (drawn_there & truth).sum() > 0.5 * (drawn_there | truth).sum()

    monkeypatch.setenv("MLFLOW_TRACKING_URI", tracking_uri(found.paths))
    model = mlflow.pyfunc.load_model("models:/instances@challenger")
    sent = {"dataframe_records": [{"image": base64.b64encode(png(image, turned=6)).decode()}]}
    answer = invocations(json.dumps(sent), "application/json", model, model.metadata.get_input_schema())
    assert answer.status == 200, answer.response
    (served,) = json.loads(answer.response)["predictions"]
    assert [one["counts"] for one in served["objects"]] == [one["counts"] for one in upright]


def test_a_training_that_was_killed_ends_with_the_same_bytes(found: Sandbox, tmp_path: Path) -> None:
    again = found.copy(tmp_path / "again")
    assert forks.start(again, "train", "full").kill(after(again, 9)).err == ""
    assert "training resumes after step" in train(again)
    for file in ("model.safetensors", "model.json"):
        assert (again.paths.model("full") / file).read_bytes() == (found.paths.model("full") / file).read_bytes()


def test_it_is_exported_as_onnx_that_draws_the_same_masks(found: Sandbox, tmp_path: Path) -> None:
    done = found.finetrail("export", str(tmp_path / "onnx"), "--format", "onnx")
    assert done.code == 0, done.err
    card = (tmp_path / "onnx" / "README.md").read_text(encoding="utf-8")
    assert re.search(r"- mask mAP on 10 validation rows: trained ([0-9.]+), onnx \1\.", card), card

    photo = drawn(1)[0].resize((128, 96))
    (tmp_path / "onnx" / "image.png").write_bytes(png(photo, turned=6))
    code = card.partition("```python\n")[2].partition("```")[0]
    answered = subprocess.run([sys.executable, "-c", code], cwd=tmp_path / "onnx", capture_output=True, text=True)
    assert answered.returncode == 0, answered.stderr
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "1.png").write_bytes(png(photo, turned=6))
    said = found.finetrail("predict", str(tmp_path / "photos"), str(tmp_path / "scored.jsonl"))
    assert said.code == 0, said.err
    objects = json.loads((tmp_path / "scored.jsonl").read_text())["objects"]
    assert objects
    for line, one in zip(answered.stdout.splitlines(), objects, strict=True):
        _, label, *numbers, pixels = line.split()
        assert label == one["label"]
        assert list(map(float, numbers)) == pytest.approx(list(one.values())[1:6], abs=0.06)
        area = coco.area({"size": [one["height"], one["width"]], "counts": one["counts"]})
        assert abs(int(pixels) - int(area)) <= 3


def test_assessments_follow_the_masks(found: Sandbox, tmp_path: Path) -> None:
    assessed = found.copy(tmp_path / "assessed")
    asked = {"robustness": {"severities": [3], "max_rows": 10}, "attacks": {"epsilons": [4], "max_rows": 10}}
    assessed.edit("assess", {**asked, "slices": {}, "labels": {"folds": 2}})
    for name in (*asked, "slices", "labels"):
        done = assessed.finetrail("assess", name)
        assert done.code == 0, (name, done.err)
