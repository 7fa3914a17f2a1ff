"""Weights, gradients and optimiser in shards: the checkpoints are whole, whoever takes them up."""

from pathlib import Path

import pytest
import torch

from finetrail.models.weights import load_tensors
from tests.pipeline.workspaces import Sandbox

SETTINGS = {
    "epochs": 2, "learning_rate": 1e-3, "precision": "fp32", "schedule": "constant", "warmup": 2.0, "average": "ema",
    "gradient_checkpointing": True,
}  # fmt: skip


def train(sandbox: Sandbox, **settings: object) -> dict[str, torch.Tensor]:
    sandbox.edit("candidates.full.train", SETTINGS | settings)
    done = sandbox.run("finetrail", "train", "full")
    assert done.code == 0, done.err
    assert ("training goes on after step" in done.err) is (settings.get("epochs") == 3)
    return load_tensors(sandbox.paths.model("full") / "model.safetensors")


@pytest.mark.parametrize("rest", [{"processes": 2, "fsdp": True}, {"processes": 1}], ids=["in shards", "alone"])
def test_a_training_in_shards_goes_on_from_its_checkpoint(
    plain: Sandbox, tmp_path: Path, rest: dict[str, object]
) -> None:
    other = plain.copy(tmp_path / "whole")
    other.edit("candidates.full.train", SETTINGS | {"epochs": 3})
    assert other.finetrail("train", "full").code == 0
    whole = load_tensors(other.paths.model("full") / "model.safetensors")
    train(plain, processes=2, fsdp=True)
    found = train(plain, epochs=3, **rest)
    for name in whole:
        torch.testing.assert_close(found[name], whole[name], rtol=2e-5, atol=2e-5)
