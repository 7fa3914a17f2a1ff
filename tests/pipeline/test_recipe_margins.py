"""Recipes for boxes and masks beat their stated baselines by a margin, on the data that a user put in place for them.

Without that data, or where nobody asks for minutes of training, they are skipped: put the file in data/input, and set
FINETRAIL_RECIPES=1.
"""

import os
import shutil
from pathlib import Path

import pytest

from finetrail.workspace import read_json
from tests.pipeline.workspaces import REPOSITORY, lay_out

MARGINS: dict[str, tuple[str, str, float, dict[str, float]]] = {
    # The file, the metric, its least value, and the least that the model leads by, for certain, on test images.
    "bccd-cells": ("bccd.zip", "map_50", 0.65, {"the mean box of each class": 0.6}),
    "membranes": ("membrane.zip", "mean_iou", 0.74, {"the commonest class": 0.34, "a threshold of brightness": 0.14}),
    "pennfudan-pedestrians": (
        "pennfudan.zip",
        "mean_iou",
        0.75,
        {"the commonest class": 0.3, "a threshold of brightness": 0.27},
    ),
    "pennfudan-instances": ("pennfudan.zip", "mask_map_50", 0.7, {"the mean box of each class": 0.6}),
}


@pytest.mark.skipif("FINETRAIL_RECIPES" not in os.environ, reason="takes minutes; set FINETRAIL_RECIPES=1")
@pytest.mark.parametrize("name", MARGINS)
def test_a_recipe_beats_its_baselines_by_its_margin(name: str, tmp_path: Path) -> None:
    file, metric, least, margins = MARGINS[name]
    place = Path("data/input") / file
    if not (REPOSITORY / place).exists():
        pytest.skip(f"{place} is not there; the first line of recipes/{name}.yaml says what it is")
    sandbox = lay_out(
        tmp_path, (REPOSITORY / "recipes" / f"{name}.yaml").read_text("utf-8"), {str(place): REPOSITORY / place}
    )
    for weights in (REPOSITORY / "data" / "weights").glob("*"):
        (shutil.copytree if weights.is_dir() else shutil.copyfile)(
            weights, tmp_path / "data" / "weights" / weights.name
        )
    stages = ["ingest", "validate", "split", *(f"train {one}" for one in sandbox.candidates()), "select", "test"]
    for stage in stages:
        done = sandbox.finetrail(*stage.split())
        assert done.code == 0, (stage, done.err)
    tested = read_json(sandbox.paths.test_details)
    assert tested["test"][metric] >= least
    ahead = {rival: tested["rivals"][rival]["ahead"][0] for rival in margins}
    assert all(ahead[rival] >= margin for rival, margin in margins.items()), ahead
