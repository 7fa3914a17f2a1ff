"""Several processes train together: the same result, and an end that is clear when one dies."""

import json
from pathlib import Path

import pytest
import torch

from finetrail.models.weights import load_tensors
from tests.pipeline.workspaces import Sandbox

TOLERANCE = 2e-5
"""Of weights of size 1: two processes add up the same numbers in another order."""


def weights(sandbox: Sandbox) -> dict[str, torch.Tensor]:
    return load_tensors(sandbox.paths.model("full") / "model.safetensors")


def prepare(sandbox: Sandbox, **settings: object) -> None:
    # Learning rates at which rounding does not grow from step to step.
    sandbox.edit("candidates.full.train", {"epochs": 3, "learning_rate": 1e-3, "precision": "fp32"} | settings)


@pytest.mark.parametrize("settings", [{}, {"fsdp": True}], ids=["ddp", "fsdp"])
def test_two_processes_give_what_one_gives(plain: Sandbox, tmp_path: Path, settings: dict[str, object]) -> None:
    prepare(plain)
    assert plain.finetrail("train", "full").code == 0
    alone, metrics = weights(plain), json.loads(plain.paths.run("full").metrics.read_text())
    prepare(plain, processes=2, **settings)
    done = plain.run("finetrail", "train", "full")
    assert done.code == 0, done.err
    assert done.out.count("trained full:") == 1
    together = weights(plain)
    assert alone.keys() == together.keys()
    for name in alone:
        torch.testing.assert_close(together[name], alone[name], rtol=TOLERANCE, atol=TOLERANCE)
    found = json.loads(plain.paths.run("full").metrics.read_text())
    assert found["val"]["loss"] == pytest.approx(metrics["val"]["loss"], abs=1e-4)
    assert found["parameters"] == metrics["parameters"]
