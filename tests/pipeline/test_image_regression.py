"""Numbers of images: how bright are they? The stages on a Parquet table of encoded images."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from finetrail.commands.review.review import serve
from finetrail.targets.numbers import NUMBERS
from finetrail.targets.numbers.settings import NumberColumns
from finetrail.workspace import read_json
from tests.numbers import bright_images
from tests.pipeline.same import assert_same
from tests.pipeline.workspaces import Sandbox, lay_out

TABLE = "data/input/bright.parquet"
PARAMS = f"""
project: bright
task: image-regression
seed: 0
source: {{path: {TABLE}, columns: {{label: brightness}}}}
validation:
  label_range: {{policy: fail, min: 0, max: 1}}
  blank: {{policy: "off"}}
  near_duplicate: {{policy: "off"}}
  near_conflicting_label: {{policy: "off"}}
split: {{near_duplicates: null, val: 0.2, test: 0.2}}
backbone: {{name: timm/test_efficientnet, weights: random, image_size: 32}}
train: {{batch_size: 16, precision: fp32, learning_rate: 3e-3, schedule: cosine, warmup: 0.2}}
candidates:
  full:
    adaptation: {{method: full}}
    train: {{epochs: 8, augment: {{flip: true, mixup: 0.2, cutmix: 0.2}}}}
selection: {{resamples: 100, metric: spearman}}
"""


@pytest.fixture(scope="module")
def bright(tmp_path_factory: pytest.TempPathFactory) -> Sandbox:
    """A workspace in which every stage has run but the last, which sees no difference to other images."""
    file = tmp_path_factory.mktemp("source") / "bright.parquet"
    images = bright_images(160)
    pd.DataFrame(images, columns=["image", "brightness"]).to_parquet(file)  # a column of numbers, not of strings
    sandbox = lay_out(tmp_path_factory.mktemp("bright"), PARAMS, {TABLE: file})
    for stage in ("ingest", "validate", "split", "train full", "select", "test"):
        done = sandbox.finetrail(*stage.split())
        assert done.code == 0, (stage, done.err)
    return sandbox


def test_training_on_mixed_images_learns_how_bright_they_are(bright: Sandbox) -> None:
    tested = read_json(bright.paths.test_details)
    assert tested["test"]["rmse"] < 0.7 * tested["baseline"]["rmse"]
    assert tested["test"]["spearman"] > 0.8
    assert "has the highest" not in read_json(bright.paths.selection_report)["reason"]  # it is the only one
    assert "validation Spearman correlation is " in read_json(bright.paths.selection_report)["reason"]


def test_the_training_gives_what_was_recorded(bright: Sandbox) -> None:
    assert_same("bright", bright.paths)


def test_the_report_shows_the_images_of_the_largest_errors(bright: Sandbox) -> None:
    page = (bright.paths.test_report / "report.html").read_text(encoding="utf-8")
    mistakes = page[page.index('id="mistakes"') : page.index('id="choice"')]
    assert mistakes.count("<img src=") == 24
    assert mistakes.count('<b class="bad">') == 24


def test_predict_answers_a_folder_of_images(bright: Sandbox, tmp_path: Path) -> None:
    folder = tmp_path / "new"
    folder.mkdir()
    wanted = {}
    for number, (image, brightness) in enumerate(bright_images(12, seed=5)):
        (folder / f"{number:02d}.png").write_bytes(image)
        wanted[f"{number:02d}.png"] = brightness
    model = str(bright.paths.model("full"))
    done = bright.finetrail("predict", str(folder), str(tmp_path / "scored.csv"), "--model", model)
    assert done.code == 0, done.err
    scored = pd.read_csv(tmp_path / "scored.csv")
    assert list(scored.columns) == ["image", "row", "prediction"]
    actual = [wanted[Path(name).name] for name in scored["image"]]
    assert np.corrcoef(scored["prediction"], actual)[0, 1] > 0.8


def test_suspicious_numbers_of_images_are_shown_with_their_images(bright: Sandbox, tmp_path: Path) -> None:
    sandbox = bright.copy(tmp_path / "workspace")
    sandbox.edit("assess", {"labels": {"max_shown": 10}})
    done = sandbox.finetrail("assess", "labels")
    assert done.code == 0, done.err
    report = (sandbox.paths.assessment("labels") / "report.html").read_text(encoding="utf-8")
    assert report.count("data:image/png") == 10 * (1 + 3), "each suspect, and three rows like it"
    for command in ("init --quiet", "config user.name Ada"):
        sandbox.must("git", *command.split())
    with serve(sandbox.paths, NUMBERS, NumberColumns(label="brightness"), 0) as server:
        page = server.page("token", "nonce")
    assert page.count("data:image/png") == 10
