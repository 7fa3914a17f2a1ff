"""A training that is short, and all that it leaves: files, and a run of MLflow."""

import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from finetrail.runs.curves import read_curve
from finetrail.runs.tracking import tracking_uri
from finetrail.workspace import read_json
from tests.pipeline import forks
from tests.pipeline.workspaces import Sandbox, contents

if TYPE_CHECKING:
    from mlflow.entities import Run

# 17 steps an epoch, and a checkpoint after each.
SETTINGS: dict[str, Any] = {"epochs": 2, "batch_size": 8, "learning_rate": 4e-3}
SETTINGS |= {"log_every": 3, "evaluate_every": 7, "checkpoint_seconds": 0}
SETTINGS |= {"average": "ema", "ema_decay": 0.9, "patience": 9}
RESULTS = ("data/models/full", "data/runs/full")


def train(sandbox: Sandbox) -> str:
    """Train to the end; returns what stands on stderr."""
    done = forks.run(sandbox, "train", "full")
    assert done.code == 0, done
    return done.err


def folder(sandbox: Sandbox) -> Path:
    return sandbox.root / ".finetrail" / "checkpoints" / "full"


def newest(sandbox: Sandbox) -> int:
    """The step of the newest checkpoint."""
    return max((int(path.name.split("-")[1]) for path in folder(sandbox).glob("step-*")), default=0)


def after(sandbox: Sandbox, step: int) -> Callable[[], bool]:
    return lambda: newest(sandbox) >= step


def database(sandbox: Sandbox) -> sqlite3.Connection:
    return sqlite3.connect(sandbox.root / ".finetrail" / "mlflow" / "mlflow.db", timeout=20, isolation_level=None)


def results(sandbox: Sandbox, *without: str) -> dict[str, Any]:
    """The content of all that training leaves, but for the name of the run, how long it took and on what."""
    found: dict[str, Any] = {}
    for name in RESULTS:
        found |= {f"{name}/{file}": value for file, value in contents(sandbox.root / name, "run.json").items()}
    record = read_json(sandbox.paths.run("full").record)
    without = ("run_id", "measured", "machine", *without)
    found["run.json"] = {key: value for key, value in record.items() if key not in without}
    return found


def runs(sandbox: Sandbox) -> "list[Run]":
    """All of the experiment, the newest first."""
    from mlflow import MlflowClient

    client = MlflowClient(tracking_uri(sandbox.paths))
    experiment = client.get_experiment_by_name("toy")
    assert experiment is not None
    found: list[Run] = client.search_runs([experiment.experiment_id], order_by=["attributes.start_time DESC"])
    return found


def check_run(sandbox: Sandbox, run: "Run") -> None:
    """It is the one that the files name, and shows all that they hold, each point once."""
    from mlflow import MlflowClient

    paths, client = sandbox.paths.run("full"), MlflowClient(tracking_uri(sandbox.paths))
    record = read_json(paths.record)
    assert (run.info.run_id, run.info.status) == (record["run_id"], "FINISHED")
    assert run.data.params == record["params"]
    assert {one.dataset.name: one.dataset.digest for one in run.inputs.dataset_inputs} == {
        one["name"]: one["digest"] for one in record["datasets"]
    }
    assert len(run.inputs.dataset_inputs) == 2
    for curve, path in (("train", paths.train_curve), ("val", paths.val_curve)):
        points = read_curve(path)
        for metric in points[0].keys() - {"step", "epoch"}:
            history = client.get_metric_history(run.info.run_id, f"{curve}/{metric}")
            assert [(one.step, one.value) for one in sorted(history, key=lambda one: one.step)] == [
                (point["step"], point[metric]) for point in points
            ]
    for metric, value in read_json(paths.details)["val"].items():
        assert run.data.metrics[f"val_{metric}"] == value
