"""The class of each pixel: the whole road once, from index images to a model that tells shapes from their ground."""

import base64
import io
import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from pycocotools import mask as coco

from finetrail.evaluation.scores.bootstrap import point_scores
from finetrail.inference.features import Features, compute_features
from finetrail.inference.predict import predict
from finetrail.runs.tracking import tracking_uri
from finetrail.serving.predictions import read_predictions
from finetrail.tasks.registry import load_model
from finetrail.workspace import read_json
from tests.drawn import MASKED, drawn, mask_of, png, write_masks
from tests.pipeline import forks
from tests.pipeline.trainings import after, train
from tests.pipeline.workspaces import Sandbox, lay_out
from tests.whole import read_whole

TABLE = "data/input/toy.parquet"
PARAMS = f"""
project: masks
task: image-segmentation
seed: 0

source:
  path: {TABLE}
  columns: {{label: mask, classes: [background, circle, square], ignore: 255, split: split}}

validation:
  near_duplicate: {{policy: "off"}}
  near_conflicting_label: {{policy: "off"}}

split: {{method: official, near_duplicates: 0}}

backbone:
  name: timm/test_resnet
  weights: random
  image_size: 64

train:
  batch_size: 8
  log_every: 4
  precision: fp32
  decoder: deeplabv3plus
  decoder_width: 64
  loss: cross_entropy+dice

candidates:
  linear_probe:
    adaptation: {{method: linear_probe}}
    train: {{epochs: 1, learning_rate: 5e-3, class_weights: balanced}}
  full:
    adaptation: {{method: full}}
    train:
      epochs: 4
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
    file = write_masks(tmp_path_factory.mktemp("source") / "toy.parquet", 48, 12, 12)
    sandbox = lay_out(tmp_path_factory.mktemp("found"), PARAMS, {TABLE: file})
    for stage in ("ingest", "validate", "split", "train linear_probe", "train full", "select", "test", "register"):
        done = forks.run(sandbox, *stage.split()) if "full" in stage else sandbox.finetrail(*stage.split())
        assert done.code == 0, (stage, done.err)
    return sandbox


def test_training_learns_to_tell_shapes_from_their_ground(found: Sandbox) -> None:
    tested = read_json(found.paths.test_details)
    assert tested["test"]["mean_iou"] > 0.7
    assert tested["rivals"]["the commonest class"]["ahead"][0] > 0.3, "the least that the model leads by"
    assert set(tested["per_class"]) == set(MASKED)
    errors = pd.read_csv(found.paths.test_report / "errors.csv")
    assert list(errors.columns) == ["id", "mean_iou", "pixel_accuracy"]
    page = (found.paths.test_report / "report.html").read_text(encoding="utf-8")
    assert "Worst images" in page
    assert "circle, square" in page, "what is seen in training, in a few words"


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
    one, other = (
        built.learning.answers(predict(built.model, of, built.learning.keep, 4), inputs) for of in (features, inputs)
    )
    assert built.codec.apart(one, other).max() < 1e-3


@pytest.mark.filterwarnings("ignore:__array__ implementation")  # of pycocotools
def test_predict_and_the_registered_model_answer_in_pixels_of_the_upright_image(
    found: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import mlflow
    from mlflow.pyfunc.scoring_server import invocations

    image, boxes = drawn(1, (128, 96))
    (tmp_path / "photos").mkdir()
    for turned in (1, 6):
        (tmp_path / "photos" / f"{turned}.png").write_bytes(png(image, turned))
    done = found.finetrail("predict", str(tmp_path / "photos"), str(tmp_path / "scored.jsonl"))
    assert done.code == 0, done.err
    upright, turned = (json.loads(line) for line in (tmp_path / "scored.jsonl").read_text().splitlines())
    assert upright["masks"] == turned["masks"]
    numbers = np.asarray(Image.open(io.BytesIO(base64.b64decode(upright["png"]))))
    assert (numbers == np.asarray(mask_of(boxes, (128, 96)))).mean() > 0.9
    for mask in upright["masks"]:
        decoded = coco.decode({"size": [mask["height"], mask["width"]], "counts": mask["counts"]})
        assert (decoded == (numbers == mask["number"])).all()
        assert MASKED[mask["number"]] == mask["label"]

    monkeypatch.setenv("MLFLOW_TRACKING_URI", tracking_uri(found.paths))
    model = mlflow.pyfunc.load_model("models:/masks@challenger")
    sent = {"dataframe_records": [{"image": base64.b64encode(png(image, turned=6)).decode()}]}
    answer = invocations(json.dumps(sent), "application/json", model, model.metadata.get_input_schema())
    assert answer.status == 200, answer.response
    (served,) = json.loads(answer.response)["predictions"]
    assert served["masks"] == upright["masks"]
    assert served["png"] == upright["png"]


def test_a_training_that_was_killed_ends_with_the_same_bytes(found: Sandbox, tmp_path: Path) -> None:
    again = found.copy(tmp_path / "again")
    assert forks.start(again, "train", "full").kill(after(again, 9)).err == ""
    assert "training resumes after step" in train(again)
    for file in ("model.safetensors", "model.json"):
        assert (again.paths.model("full") / file).read_bytes() == (found.paths.model("full") / file).read_bytes()


def test_it_is_exported_in_forms_whose_own_code_gives_pixels_the_same_classes(found: Sandbox, tmp_path: Path) -> None:
    photo, _ = drawn(1, (128, 96))
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "1.png").write_bytes(png(photo, turned=6))
    said = found.finetrail("predict", str(tmp_path / "photos"), str(tmp_path / "scored.jsonl"))
    assert said.code == 0, said.err
    row = json.loads((tmp_path / "scored.jsonl").read_text())
    own = np.asarray(Image.open(io.BytesIO(base64.b64decode(row["png"]))))
    for form, library in (("onnx", "onnx"), ("hf", "pytorch")):
        done = found.finetrail("export", str(tmp_path / form), "--format", form)
        assert done.code == 0, done.err
        card = (tmp_path / form / "README.md").read_text(encoding="utf-8")
        assert re.search(rf"- mean IoU on 12 validation rows: trained ([0-9.]+), {library} \1\.", card), card
        (tmp_path / form / "image.png").write_bytes(png(photo, turned=6))
        code = card.partition("```python\n")[2].partition("```")[0] + "Image.fromarray(mask).save('mask.png')\n"
        answered = subprocess.run([sys.executable, "-c", code], cwd=tmp_path / form, capture_output=True, text=True)
        assert answered.returncode == 0, answered.stderr
        assert (np.asarray(Image.open(tmp_path / form / "mask.png")) == own).mean() > 0.999
        _, sure, *shares = answered.stdout.split()
        assert float(sure) == pytest.approx(row["confidence"], abs=2e-3)
        assert set(shares[::2]) == {"background", *(one["label"] for one in row["masks"])}


def test_assessments_follow_the_masks(found: Sandbox, tmp_path: Path) -> None:
    assessed = found.copy(tmp_path / "assessed")
    asked = {"robustness": {"severities": [3], "max_rows": 10}, "attacks": {"epsilons": [4], "max_rows": 10}}
    assessed.edit("assess", {**asked, "slices": {}, "labels": {"folds": 2}})
    for name in (*asked, "slices", "labels"):
        done = assessed.finetrail("assess", name)
        assert done.code == 0, (name, done.err)
