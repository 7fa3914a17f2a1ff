"""Trainings that are killed and run again: the same bytes, and one run of MLflow with every point once."""

import hashlib
import os
import shutil
import signal
import sqlite3
import time
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from ruamel.yaml import YAML

from finetrail.curves import read_curve
from finetrail.tracking import connect, tracking_uri
from finetrail.workspace import read_json
from tests.pipeline import forks
from tests.pipeline.test_disk_full import try_with_a_full_disk
from tests.pipeline.workspaces import WEIGHTS, Sandbox, contents, wait

if TYPE_CHECKING:
    from mlflow.entities import Run

# 17 steps an epoch, and a checkpoint after each.
SETTINGS: dict[str, Any] = {
    "epochs": 2, "batch_size": 8, "learning_rate": 4e-3, "log_every": 3, "evaluate_every": 7, "checkpoint_seconds": 0,
    "average": "ema", "ema_decay": 0.9, "patience": 9,
}  # fmt: skip
RESULTS = ("data/models/full", "data/runs/full")


@pytest.fixture(scope="module")
def base(_ready: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> Sandbox:
    """A workspace that is ready to train in, with an empty MLflow database."""
    sandbox = _ready.copy(tmp_path_factory.mktemp("base") / "workspace")
    sandbox.edit("candidates.full.train", SETTINGS)
    sandbox.edit("backbone.dropout", 0.1)
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        connect(sandbox.paths, "toy")
        os.environ.pop("MLFLOW_TRACKING_URI")
    return sandbox


@pytest.fixture
def workspace(base: Sandbox, tmp_path: Path) -> Sandbox:
    return Sandbox(Path(shutil.copytree(base.root, tmp_path / "workspace")))


@pytest.fixture(scope="module")
def whole(base: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> Sandbox:
    """A workspace in which nothing was cut off."""
    sandbox = Sandbox(Path(shutil.copytree(base.root, tmp_path_factory.mktemp("whole") / "workspace")))
    assert train(sandbox) == ""
    return sandbox


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
    """The content of all that training leaves, but for the name of the run and how long it took."""
    found: dict[str, Any] = {}
    for name in RESULTS:
        found |= {f"{name}/{file}": value for file, value in contents(sandbox.root / name, "run.json").items()}
    record = read_json(sandbox.paths.run("full").record)
    found["run.json"] = {key: value for key, value in record.items() if key not in ("run_id", "measured", *without)}
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
    for metric, value in read_json(paths.metrics)["val"].items():
        assert run.data.metrics[f"best_val_{metric}"] == value


def test_killed_at_every_moment_it_ends_with_the_bytes_of_one_that_was_not(workspace: Sandbox, whole: Sandbox) -> None:
    def kill(when: Callable[[], bool]) -> str:
        return forks.start(workspace, "train", "full").kill(when).err

    with closing(database(workspace)) as shown:
        # Before MLflow has heard what the run is made from.
        assert kill(lambda: shown.execute("SELECT count(*) FROM runs").fetchone()[0] > 0) == ""
    assert not list(folder(workspace).glob("step-*"))
    kill(after(workspace, 9))
    saved = newest(workspace)
    assert saved < 17, "in the midst of an epoch"
    assert kill((folder(workspace) / "unnamed.partial.partial").exists).startswith(
        f"warning: training goes on after step {saved} of 34\n"
    )
    damaged = max(folder(workspace).glob("step-*"))
    damaged.write_bytes(damaged.read_bytes()[:-100])
    before = newest(workspace)
    told = kill(after(workspace, 21))  # an evaluation follows
    assert told.splitlines()[0].startswith(f"warning: {damaged.name} is damaged; the checkpoint before it is used")
    assert f"goes on after step {before - 1} of 34" in told
    kill((workspace.root / "data" / "models" / "full.partial").exists)
    with closing(database(workspace)) as held:
        fork = forks.start(workspace, "train", "full")

        def outs_are_there() -> bool:
            if not held.in_transaction and (workspace.root / "data" / "models" / "full.partial").exists():
                held.execute("BEGIN EXCLUSIVE")  # so that it cannot come to its end
            return workspace.paths.run("full").record.exists() and held.in_transaction

        shutil.rmtree(workspace.root / "data" / "models")
        fork.kill(outs_are_there)
    assert train(workspace).startswith("warning: training goes on after step 34 of 34\n")
    assert results(workspace) == results(whole)
    (run,) = runs(workspace)
    check_run(workspace, run)
    (whole_run,) = runs(whole)
    check_run(whole, whole_run)
    assert not list(workspace.root.glob("data/*/*.partial"))
    assert not list(folder(workspace).glob("*.safetensors"))


def test_a_disk_that_is_full_costs_no_checkpoint(workspace: Sandbox, whole: Sandbox, unshare: list[str]) -> None:
    forks.start(workspace, "train", "full").kill(after(workspace, 9))
    for partial in folder(workspace).glob("*.partial"):
        partial.unlink()
    before = contents(folder(workspace))
    case = {"checkpoint": (["train", "full"], ".finetrail/checkpoints", 100)}
    answer = try_with_a_full_disk(workspace, unshare, case)["checkpoint"]
    told, error = answer["err"].splitlines()
    assert "training goes on after step" in told
    assert error.startswith("WorkspaceError: no space is left on the disk (")
    assert answer["code"] == 7
    assert answer["changed"] == []
    assert contents(folder(workspace)) == before
    assert "warning: training goes on after step" in train(workspace)
    assert results(workspace) == results(whole)
    (run,) = runs(workspace)
    check_run(workspace, run)


def test_killed_with_all_of_dvc_it_goes_on_at_the_next_repro(sandbox: Sandbox, whole: Sandbox) -> None:
    sandbox.edit("candidates.full.train", SETTINGS)
    sandbox.edit("backbone.dropout", 0.1)
    repro = sandbox.start("dvc", "repro", "train@full")
    while newest(sandbox) < 20:
        assert repro.poll() is None, repro.communicate()
        time.sleep(0.001)
    os.killpg(repro.pid, signal.SIGKILL)
    wait(repro)
    assert not sandbox.paths.run("full").record.exists(), "DVC has removed the outs"
    done = sandbox.run("dvc", "repro", "train@full")
    assert done.code == 0, done
    assert sandbox.stages_of(done) == ["train@full"]
    assert "warning: training goes on after step 2" in done.err
    assert results(sandbox) == results(whole)
    locked = YAML(typ="safe").load((sandbox.root / "dvc.lock").read_text(encoding="utf-8"))["stages"]["train@full"]
    hashes = {out["path"]: out["md5"] for out in locked["outs"]}
    for name in ("metrics.json", "train.csv", "val.csv", "predictions.parquet", "seen.json"):
        path = f"data/runs/full/{name}"
        assert hashes[path] == hashlib.md5((whole.root / path).read_bytes(), usedforsecurity=False).hexdigest()
    (run,) = runs(sandbox)
    check_run(sandbox, run)


def test_a_database_that_was_lost_gets_a_complete_run(workspace: Sandbox, base: Sandbox) -> None:
    forks.start(workspace, "train", "full").kill(after(workspace, 20))
    shutil.rmtree(workspace.root / ".finetrail" / "mlflow")
    shutil.copytree(base.root / ".finetrail" / "mlflow", workspace.root / ".finetrail" / "mlflow")
    assert "training goes on after step" in train(workspace)
    (run,) = runs(workspace)
    check_run(workspace, run)


def test_what_was_not_sent_when_it_was_killed_is_sent_later(workspace: Sandbox) -> None:
    fork = forks.start(workspace, "train", "full")
    while newest(workspace) < 5:
        assert fork.process.is_alive(), fork.wait()
    with closing(database(workspace)) as away:
        away.execute("ALTER TABLE metrics RENAME TO away")
        assert "points wait" in fork.kill(after(workspace, 20)).err
        away.execute("ALTER TABLE away RENAME TO metrics")
    train(workspace)
    (run,) = runs(workspace)
    check_run(workspace, run)


def _other_weights(workspace: Sandbox) -> None:
    from safetensors.torch import load_file, save_file

    path = workspace.root / WEIGHTS / "model.safetensors"
    save_file({name: tensor * 1.01 for name, tensor in load_file(path).items()}, path)


def _other_data(workspace: Sandbox) -> None:
    workspace.edit("split.val", 0.2)
    assert workspace.finetrail("split").code == 0


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda one: one.edit("candidates.full.train.learning_rate", 3e-3), "train.learning_rate was '0.004', is '0.0"),
        (_other_weights, "weights was '"),
        (_other_data, "data.train was '"),
    ],
    ids=["setting", "weights", "data"],
)
def test_what_would_be_another_training_starts_afresh_and_says_so(
    workspace: Sandbox, change: Callable[[Sandbox], None], told: str
) -> None:
    forks.start(workspace, "train", "full").kill(after(workspace, 3))
    change(workspace)
    err = train(workspace)
    assert err.startswith("warning: a training of this candidate was cut off, but ")
    assert told in err
    assert err.endswith(": it starts afresh\n")
    assert err.count("\n") == 1
    new, old = runs(workspace)
    assert old.info.status == "KILLED"
    check_run(workspace, new)


def test_what_changes_no_result_changes_no_byte(workspace: Sandbox, whole: Sandbox) -> None:
    forks.start(workspace, "train", "full").kill(after(workspace, 20))
    workspace.edit("candidates.full.train.workers", 2)
    workspace.edit("candidates.full.train.checkpoint_seconds", 30)
    assert "warning: training goes on after step" in train(workspace)
    assert results(workspace, "params", "tags") == results(whole, "params", "tags")
    new, old = runs(workspace)  # MLflow never changes a param
    assert old.info.status == "KILLED"
    check_run(workspace, new)


def test_a_finished_training_whose_rates_know_nothing_of_its_end_goes_on(
    workspace: Sandbox, base: Sandbox, tmp_path: Path
) -> None:
    for key, value in {"schedule": "constant", "warmup": 5, "epochs": 2, "checkpoint_seconds": 60}.items():
        workspace.edit(f"candidates.full.train.{key}", value)
    fresh = Sandbox(Path(shutil.copytree(workspace.root, tmp_path / "fresh")))
    train(fresh)
    workspace.edit("candidates.full.train.epochs", 1)
    train(workspace)
    workspace.edit("candidates.full.train.epochs", 2)
    assert train(workspace) == "warning: training goes on after step 17 of 34\n"
    assert results(workspace) == results(fresh)
    longer, shorter = runs(workspace)
    assert shorter.info.status == "FINISHED"
    check_run(workspace, longer)
    # Shorter again: the first epoch alone is not there any more.
    workspace.edit("candidates.full.train.epochs", 1)
    assert train(workspace) == "warning: 34 steps were done, and there are to be 17: training starts afresh\n"
    assert Counter(run.info.status for run in runs(workspace)) == {"FINISHED": 3}


def test_rates_that_go_down_to_the_end_are_others_in_a_longer_training(workspace: Sandbox) -> None:
    workspace.edit("candidates.full.train.epochs", 1)
    train(workspace)
    workspace.edit("candidates.full.train.epochs", 2)
    assert train(workspace) == (
        "warning: train.epochs was '1', is '2', and the steps so far depend on it: training starts afresh; with "
        "train.schedule constant or plateau, train.warmup in steps, and without swa it would go on\n"
    )
