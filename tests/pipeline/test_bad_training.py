"""Training that cannot go on: what it says, and what it leaves."""

from typing import Any

import pytest

from finetrail.runs.tracking import tracking_uri
from tests.pipeline.workspaces import WEIGHTS, Sandbox, contents


def test_a_loss_that_is_nan_names_the_step_and_keeps_the_last_good_weights(plain: Sandbox) -> None:
    assert plain.finetrail("train", "linear_probe").code == 0
    before = contents(plain.root / "data")
    # Weight decay without bound: each step multiplies the weights by -50 until they overflow, in the third epoch or so.
    plain.edit("candidates.linear_probe.train", {"epochs": 8, "learning_rate": 1.0, "weight_decay": 50.0})
    plain.edit("train.schedule", "constant")
    done = plain.finetrail("train", "linear_probe")
    assert done.code == 5
    assert done.error.startswith("NonFiniteError: the ")
    assert " at step " in done.error
    assert "lower train.learning_rate" in done.error
    (kept,) = (plain.root / ".finetrail" / "checkpoints").rglob("best-*.safetensors")
    assert done.error.endswith(f"are in {kept}")

    from finetrail.models.weights import load_tensors

    tensors = load_tensors(kept)
    assert set(tensors) == {"head.weight", "head.bias"}
    assert all(bool(tensor.isfinite().all()) for tensor in tensors.values())
    assert contents(plain.root / "data") == before
    assert _statuses(plain) == ["FAILED", "FINISHED"]


def test_a_first_epoch_that_is_nan_has_nothing_to_keep(plain: Sandbox) -> None:
    plain.edit("candidates.full.train.learning_rate", 1e18)
    done = plain.finetrail("train", "full")
    assert done.code == 5
    assert "the loss is nan at step " in done.error
    assert done.error.endswith("no evaluation came before")
    assert not (plain.root / "data" / "models").exists()


@pytest.mark.parametrize(
    ("edits", "error"),
    [
        ({"backbone.weights": "data/weights/missing"}, "SourceError: 'data/weights/missing' does not exist (looked"),
        ({"backbone.weights": "data/input"}, "ConfigError: params.yaml: backbone.weights 'data/input' is not in"),
        ({"backbone.max_tokens": 65}, "ModelError: max_tokens is 65, but this backbone reads at most 64; lower back"),
        (
            {"candidates.full.adaptation": {"method": "lora", "target_modules": ["q_proj"]}},
            "ConfigError: target_modules ['q_proj'] match no linear layer or ungrouped convolution; this backbone has",
        ),
    ],
)
def test_a_backbone_that_does_not_fit(plain: Sandbox, edits: dict[str, Any], error: str) -> None:
    for section, value in edits.items():
        plain.edit(section, value)
    assert plain.finetrail("train", "full").error.startswith(error)
    assert not (plain.root / "data" / "models").exists()


@pytest.mark.parametrize(
    ("name", "content"),
    [("model.safetensors", b"no tensors"), ("config.json", b"{}"), ("tokenizer.json", b"{}")],
)
def test_a_backbone_with_a_broken_file(plain: Sandbox, name: str, content: bytes) -> None:
    (plain.root / WEIGHTS / name).write_bytes(content)
    done = plain.finetrail("train", "full")
    assert done.code == 4
    assert done.error.startswith(f"ModelError: '{WEIGHTS}' ")


def test_weights_in_a_pickle_are_refused(plain: Sandbox) -> None:
    """A backbone with only pytorch_model.bin is not opened: a pickle runs code when it is read."""
    import torch
    from safetensors.torch import load_file

    weights = plain.root / WEIGHTS / "model.safetensors"
    torch.save(load_file(weights), weights.with_name("pytorch_model.bin"))
    weights.unlink()
    done = plain.finetrail("train", "full")
    assert done.code == 4
    assert done.error.startswith(f"ModelError: '{WEIGHTS}' holds no encoder with safetensors weights")


def _statuses(sandbox: Sandbox) -> list[str]:
    from mlflow import MlflowClient

    client = MlflowClient(tracking_uri(sandbox.paths))
    experiment = client.get_experiment_by_name("toy")
    assert experiment is not None
    return sorted(run.info.status for run in client.search_runs([experiment.experiment_id]))
