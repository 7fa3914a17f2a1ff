"""Every image recipe goes through the pipeline on a small slice, put in place by `finetrail use`."""

import shutil
from pathlib import Path

import pytest

from finetrail.workspace import read_json
from tests.images import write_zip
from tests.pipeline.workspaces import REPOSITORY, Sandbox, lay_out

# One of them is registered: the round trip of the others would be the same code in another clean process.
REGISTERED = "imagefolder-mobilenet"
# What a slice differs in: less data, fewer epochs, small images, and no weights that only a hub has.
SLICES: dict[str, dict[str, object]] = {
    "cifar10-mobilenet": {"source.path": "data/input/slice.zip", "backbone.image_size": 32},
    "cifar10-resnet18": {
        "source.path": "data/input/slice.zip",
        "backbone.image_size": 32,
        "backbone.weights": "data/weights/resnet18.pth",
    },
    "imagefolder-mobilenet": {
        "source.path": "data/input/slice",
        "backbone.image_size": 32,
        "validation.rare_label.min_rows": 3,
    },
    "mnist5k-efficientnet": {"source.limit": {"all": 150}, "backbone.image_size": 32},
}


@pytest.mark.parametrize("name", SLICES)
def test_a_recipe_runs_from_its_source_to_the_test_scores_and_one_to_the_registry(name: str, tmp_path: Path) -> None:
    sandbox = lay_out(tmp_path, "", {})
    shutil.copytree(REPOSITORY / "recipes", tmp_path / "recipes")
    sandbox.paths.params.unlink()
    used = sandbox.finetrail("use", name)
    assert used.code == 0, used
    _put_files(sandbox, SLICES[name])
    for section, value in SLICES[name].items():
        sandbox.edit(section, value)
    candidates = sandbox.candidates()
    for candidate in candidates:
        sandbox.edit(f"candidates.{candidate}.train.epochs", 1)
    stages = ["ingest", "validate", "split", *(f"train {candidate}" for candidate in candidates), "select", "test"]
    if name == REGISTERED:
        stages.append("register")
    for stage in stages:
        done = sandbox.finetrail(*stage.split())
        assert done.code == 0, (stage, done)
    scored = read_json(sandbox.paths.test_details)
    assert 0 <= scored["test"]["accuracy"] <= 1
    if name == REGISTERED:
        assert read_json(sandbox.paths.registration)["version"] == 1


def _put_files(sandbox: Sandbox, edits: dict[str, object]) -> None:
    """The slice of data, and a state dict as torch.save writes it, that the edits name."""
    root = sandbox.root
    source, weights = edits.get("source.path"), edits.get("backbone.weights")
    if source == "data/input/slice.zip":
        write_zip(root / "data/input/slice.zip", train=14, test=5)
    elif source:
        folder = write_zip(root / "slice.zip", train=20, test=0)
        shutil.unpack_archive(folder, root / "unpacked")
        (root / "unpacked/shapes/train").rename(root / str(source))
    if weights:
        import torch
        from torchvision.models import get_model

        with torch.random.fork_rng():
            torch.manual_seed(0)
            torch.save(get_model(Path(str(weights)).stem, weights=None).state_dict(), root / str(weights))
