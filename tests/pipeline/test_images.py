"""The same spine on images: one real `dvc repro`, from a zip with bad files in it to a registered model."""

import base64
import csv
import json
import os
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from finetrail.runs.tracking import tracking_uri
from finetrail.workspace import read_json
from tests.images import SHAPES, draw, encoded, write_zip
from tests.pipeline.same import assert_same
from tests.pipeline.servers import running
from tests.pipeline.workspaces import BIN, Outcome, Sandbox, lay_out, track, wait

ZIP = "data/input/shapes.zip"
WEIGHTS = "data/weights/tiny.safetensors"
CANDIDATES = ("linear_probe", "full")
PARAMS = f"""
project: shapes
task: image-classification
seed: 0

source:
  path: {ZIP}

validation:
  near_duplicate: {{policy: "off"}}
  near_conflicting_label: {{policy: "off"}}

split:
  method: official
  val: 0.25
  near_duplicates: null

backbone:
  name: timm/test_efficientnet
  weights: {WEIGHTS}
  image_size: 32

train:
  batch_size: 16
  log_every: 3
  metric: accuracy

candidates:
  linear_probe:
    adaptation: {{method: linear_probe}}
    train: {{epochs: 8, learning_rate: 5e-2}}
  full:
    adaptation: {{method: full}}
    train: {{epochs: 20, learning_rate: 1e-2, augment: {{crop: padded, padding: 3, flip: true, mixup: 0.1}}}}

selection:
  metric: accuracy
  resamples: 200
"""
BAD = {
    "shapes/train/circle/torn.png": encoded(draw("circle", 0))[:300],
    "shapes/train/circle/words.jpg": b"no image at all",
    "shapes/train/square/blank.png": b"",  # filled below
    "shapes/train/square/again.png": encoded(draw("square", 3)),
    "shapes/train/cross/as-square.png": encoded(draw("square", 4)),
}


@pytest.fixture(scope="session")
def tiny_vision(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The weights of a small EfficientNet, random but fixed."""
    import timm
    import torch
    from safetensors.torch import save_file

    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = timm.create_model("test_efficientnet")
    path = tmp_path_factory.mktemp("tiny-vision") / "tiny.safetensors"
    save_file(model.state_dict(), path)
    return path


@pytest.fixture(scope="session")
def images(tiny_vision: Path, tmp_path_factory: pytest.TempPathFactory) -> Sandbox:
    """A workspace of images after its first `dvc repro`. Read only."""
    from PIL import Image

    folder = tmp_path_factory.mktemp("images")
    bad = BAD | {"shapes/train/square/blank.png": encoded(Image.new("RGB", (32, 32), "grey"))}
    sandbox = lay_out(
        folder, PARAMS, {ZIP: write_zip(tmp_path_factory.mktemp("zip") / "s.zip", 60, 20, bad), WEIGHTS: tiny_vision}
    )
    track(sandbox, ZIP, WEIGHTS)
    done = wait(sandbox.start("dvc", "repro"), 600)
    assert done.code == 0, done.out + done.err
    return sandbox


def test_every_bad_image_is_put_aside_with_its_reason(images: Sandbox) -> None:
    with images.paths.quarantine.open(encoding="utf-8", newline="") as file:
        aside = {row["source"].rsplit("/", 1)[-1]: row["rules"] for row in csv.DictReader(file)}
    assert {name: rules for name, rules in aside.items() if not name[0].isdigit()} == {
        "torn.png": "undecodable",
        "words.jpg": "undecodable",
        "blank.png": "blank",
        "again.png": "duplicate",
        "as-square.png": "conflicting_label",
    }
    rows = read_json(images.paths.validation_report)["rows"]
    assert rows["ingested"] == 3 * 80 + len(BAD) == rows["passed"] + rows["quarantined"]
    report = read_json(images.paths.split_report)["rows"]
    assert rows["passed"] == report["train"] + report["val"] + report["test"] + report["quarantined_by_split"]


def test_training_learns_the_shapes(images: Sandbox) -> None:
    scores = {name: read_json(images.paths.run(name).details)["val"]["accuracy"] for name in CANDIDATES}
    assert scores["full"] > 0.8
    assert read_json(images.paths.selection_report)["chosen"] == "full"
    assert read_json(images.paths.test_details)["test"]["accuracy"] > 0.75


def test_the_training_gives_what_was_recorded(images: Sandbox) -> None:
    assert_same("shapes", images.paths)


def test_a_second_run_executes_nothing(images: Sandbox) -> None:
    again = images.run("dvc", "repro")
    assert (again.code, images.stages_of(again)) == (0, [])


def test_an_edit_of_the_augmentation_trains_that_candidate_again_and_no_other(images: Sandbox, tmp_path: Path) -> None:
    sandbox = images.copy(tmp_path / "workspace")
    sandbox.edit("candidates.full.train.augment.flip", False)
    done: Outcome = sandbox.run("dvc", "repro", "--dry")
    assert [stage for stage in sandbox.stages_of(done) if stage.startswith("train@")] == ["train@full"]


def test_the_registered_model_answers_bytes_base64_and_paths(
    images: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import mlflow
    import pandas as pd

    name = {"circle": tmp_path / "circle.png"}
    images_of = {shape: encoded(draw(shape, 900)) for shape in SHAPES}
    name["circle"].write_bytes(images_of["circle"])
    monkeypatch.setenv("MLFLOW_TRACKING_URI", tracking_uri(images.paths))
    model = mlflow.pyfunc.load_model("models:/shapes@challenger")
    ways = [images_of["circle"], base64.b64encode(images_of["circle"]).decode(), str(name["circle"])]
    answers = model.predict(pd.DataFrame({"image": ways}))
    assert answers["label"].nunique() == 1
    assert answers["score"].nunique() == 1


def test_mlflow_serves_it_and_reads_no_files_for_strangers(images: Sandbox, tmp_path: Path) -> None:
    image = tmp_path / "cross.png"
    image.write_bytes(encoded(draw("cross", 900)))
    command = "mlflow models serve -m models:/shapes@challenger --env-manager local -h 127.0.0.1 -p {port} -w 1"
    environment = os.environ | {
        "PATH": f"{BIN}:{os.environ['PATH']}",
        "MLFLOW_TRACKING_URI": tracking_uri(images.paths),
    }
    with running(command, "/ping", folder=tmp_path, log=tmp_path / "log", environment=environment) as address:
        status, answer = _ask(address, base64.b64encode(image.read_bytes()).decode())
        refusals = [_ask(address, str(image))]
        image.unlink()
        refusals.append(_ask(address, str(image)))
    assert status == 200
    assert answer["predictions"][0]["label"] in SHAPES
    assert [code for code, _ in refusals] == [400, 400]
    assert refusals[0] == refusals[1]  # whether there is such a file cannot be seen


def _ask(address: str, value: str) -> tuple[int, Any]:
    body = json.dumps({"dataframe_split": {"columns": ["image"], "data": [[value]]}}).encode()
    request = urllib.request.Request(f"{address}/invocations", body, {"Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=60) as response:
            return response.status, json.load(response)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


def test_predict_scores_a_folder_and_names_what_it_cannot_read(images: Sandbox, tmp_path: Path) -> None:
    folder = tmp_path / "new"
    folder.mkdir()
    for number in range(3):
        (folder / f"{number}.png").write_bytes(encoded(draw("circle", 900 + number)))
    (folder / "torn.jpg").write_bytes(encoded(draw("circle", 1), "JPEG")[:200])
    done = images.finetrail("predict", str(folder), str(tmp_path / "scored.csv"))
    assert done.code == 0, done
    with (tmp_path / "scored.csv").open(encoding="utf-8", newline="") as file:
        assert [Path(row["image"]).name for row in csv.DictReader(file)] == ["0.png", "1.png", "2.png"]
    with (tmp_path / "scored.csv.rejects.csv").open(encoding="utf-8", newline="") as file:
        assert [Path(row["image"]).name for row in csv.DictReader(file)] == ["torn.jpg"]
