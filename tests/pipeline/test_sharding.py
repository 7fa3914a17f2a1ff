"""Weights, gradients and optimiser in shards: the checkpoints are whole, whoever takes them up."""

from pathlib import Path

import pytest
import torch

from finetrail.models.weights import load_tensors
from tests.pipeline.workspaces import Sandbox

RATES = {"learning_rate": 1e-3, "schedule": "constant", "warmup": 2.0}
SETTINGS = RATES | {"epochs": 2, "precision": "fp32", "average": "ema", "gradient_checkpointing": True}


def test_two_with_shards_go_on_with_what_one_began_and_one_with_what_they_did(
    plain: Sandbox, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    other = plain.copy(tmp_path / "whole")
    other.edit("candidates.full.train", SETTINGS | {"epochs": 4})
    assert other.finetrail("train", "full").code == 0
    whole = load_tensors(other.paths.model("full") / "model.safetensors")
    plain.edit("candidates.full.train", SETTINGS | {"epochs": 2})
    assert plain.finetrail("train", "full").code == 0
    plain.edit("candidates.full.train", SETTINGS | {"epochs": 3, "processes": 2, "fsdp": True})
    sharded = plain.run("finetrail", "train", "full")
    assert sharded.code == 0, sharded.err
    assert "training resumes after step" in sharded.err
    plain.edit("candidates.full.train", SETTINGS | {"epochs": 4})
    done = plain.finetrail("train", "full")
    assert done.code == 0, done.err
    assert "training resumes after step" in caplog.text
    found = load_tensors(plain.paths.model("full") / "model.safetensors")
    for name in whole:
        torch.testing.assert_close(found[name], whole[name], rtol=2e-5, atol=2e-5)
