"""Versions beside the first: models that differ from it in their weights or in the names of their labels."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from finetrail.registry.ledger import Ledger
from finetrail.registry.packing import register
from finetrail.runs.tracking import connect, tracking_uri
from tests.pipeline.workspaces import Sandbox
from tests.unit.recorded import packing_of

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from torch import Tensor

FEW = {"class_rows": 10, "slice_rows": 10, "resamples": 200, "latency_ratio": 10.0}
"""The toy's 60 test rows are fewer than the defaults ask for; and of its milliseconds a busy machine makes several."""


def client(sandbox: Sandbox) -> "MlflowClient":
    from mlflow import MlflowClient

    return MlflowClient(tracking_uri(sandbox.paths))


def challenge(
    sandbox: Sandbox, change: "Callable[[dict[str, Tensor]], None]", labels: dict[str, str] | None = None
) -> int:
    """Register a model that differs from version 1 in its weights, or in what it calls its labels."""
    folder = Path(shutil.copytree(sandbox.paths.model("full"), sandbox.root / "other"))
    alter(folder, change)
    text = (folder / "model.json").read_text(encoding="utf-8")
    for old, new in (labels or {}).items():
        text = text.replace(f'"{old}"', f'"{new}"')
    (folder / "model.json").write_text(text, encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLFLOW_TRACKING_URI", tracking_uri(sandbox.paths))  # `connect` would leave it set
        tracker = connect(sandbox.paths, "toy")
        run_id = tracker.start("other", {}, {}, [])
        tracker.end(run_id)
        version = register(Ledger(tracker, "toy", "Ada"), run_id, model=folder, packing=packing_of(folder), tags={})
    shutil.rmtree(folder)
    return version.version


def alter(model: Path, change: "Callable[[dict[str, Tensor]], None]") -> None:
    """Change the weights of a saved model."""
    from safetensors.torch import load_file, save_file

    tensors = load_file(model / "model.safetensors")
    change(tensors)
    save_file(tensors, model / "model.safetensors")


def sharper(tensors: "dict[str, Tensor]") -> None:
    """The same answers, with more confidence."""
    for name in ("head.weight", "head.bias"):
        tensors[name] = tensors[name] * 1.5


def without_weather(tensors: "dict[str, Tensor]") -> None:
    """The last class is never answered."""
    tensors["head.bias"][2] -= 100.0
