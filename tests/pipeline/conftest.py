"""One real `dvc repro` of a tiny recipe, and workspaces to try things out in."""

import os
import shutil
import subprocess
from dataclasses import asdict
from pathlib import Path

import pytest
from filelock import FileLock

from finetrail.runs.tracking import connect, tracking_uri
from finetrail.workspace import read_json, write_json
from tests.conftest import toy_rows, write_csv
from tests.pipeline.challengers import FEW
from tests.pipeline.trainings import SETTINGS, database, train
from tests.pipeline.workspaces import CANDIDATES, CSV, PARAMS, WEIGHTS, WRITTEN, Outcome, Sandbox, lay_out, track

PLACES = {
    "experiments": "artifact_location",
    "runs": "artifact_uri",
    "logged_models": "artifact_location",
    "model_versions": "storage_location",
}
"""The columns, by table, in which MLflow's database says where files lie."""


@pytest.fixture(scope="session")
def toy_csv(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_csv(tmp_path_factory.mktemp("source") / "toy.csv", toy_rows())


@pytest.fixture(scope="session")
def finished(toy_csv: Path, tiny_bert: Path, tmp_path_factory: pytest.TempPathFactory) -> Sandbox:
    """The workspace after its first `dvc repro`, committed. Read only: a test that changes something takes `sandbox`.

    The first worker that wants it makes it for all.
    """
    shared = tmp_path_factory.getbasetemp()
    shared = shared.parent if "PYTEST_XDIST_WORKER" in os.environ else shared
    sandbox = Sandbox(shared / "finished")
    with FileLock(shared / "finished.lock"):
        if not _said(sandbox).exists():
            sandbox.root.mkdir()
            lay_out(sandbox.root, PARAMS, {CSV: toy_csv, WEIGHTS: tiny_bert}, fresh=True)
            for name in set(sandbox.candidates()) - set(CANDIDATES):
                sandbox.edit(f"candidates.{name}", None)
            track(sandbox, CSV, WEIGHTS)
            done = sandbox.run("dvc", "repro")
            assert done.code == 0, done.out + done.err
            sandbox.must("git", "add", "--all")
            sandbox.must("git", "commit", "--quiet", "--message", "first run")
            sandbox.must("git", "gc", "--quiet")  # a file in place of a thousand, in each copy
            write_json(_said(sandbox), asdict(done))
    return sandbox


@pytest.fixture(scope="session")
def first_run(finished: Sandbox) -> Outcome:
    """What that `dvc repro` said."""
    return Outcome(**read_json(_said(finished)))


def _said(sandbox: Sandbox) -> Path:
    return sandbox.root.with_name("finished.json")


@pytest.fixture
def sandbox(finished: Sandbox, tmp_path: Path) -> Sandbox:
    """A copy of the finished workspace, with an empty MLflow database, for one test."""
    return finished.copy(tmp_path / "workspace")


@pytest.fixture(scope="session")
def clone(finished: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> Sandbox:
    """A fresh clone, with the results out of DVC's storage. Read only."""
    folder = tmp_path_factory.mktemp("clone")
    origin, clone = finished.copy(folder / "origin"), Sandbox(folder / "clone")
    origin.must("dvc", "remote", "add", "--quiet", "--default", "storage", str(folder / "storage"))
    origin.must("git", "commit", "--quiet", "--all", "--message", "storage")
    origin.must("dvc", "push", "--quiet")
    origin.must("git", "clone", "--quiet", str(origin.root), str(clone.root))
    clone.must("dvc", "pull", "--quiet")
    return clone


@pytest.fixture(scope="session")
def registered(clone: Sandbox) -> Sandbox:
    """The clone after stages were run by hand, because its MLflow knew nothing: at a commit, with nothing edited.

    `register` comes first: alone it has to bring back the run that it needs. Read only: who breaks it puts it back.
    """
    for stage, environment in (("register", {"MLFLOW_RUN_ID": "0" * 32}), ("select", {}), ("test", {})):
        done = clone.finetrail(stage, **environment)
        assert done.code == 0, done
    return clone


@pytest.fixture(scope="session")
def by_hand(finished: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> Sandbox:
    """A copy in which each stage was run as its command, after an edit that nobody committed. Read only.

    There were no results before, and no test split before `test`.
    """
    sandbox = finished.copy(tmp_path_factory.mktemp("by-hand") / "workspace")
    with sandbox.paths.params.open("a", encoding="utf-8") as file:
        file.write("# not committed\n")
    for name in WRITTEN:
        path = sandbox.root / "data" / name
        shutil.rmtree(path) if path.is_dir() else path.unlink()

    def run(*stages: str) -> None:
        for stage in stages:
            done = sandbox.finetrail(*stage.split())
            assert done.code == 0, (stage, done)

    run("ingest", "validate", "split")
    aside = sandbox.paths.split("test").rename(sandbox.root / "test-split")
    run(*(f"train {name}" for name in CANDIDATES), "select")
    aside.rename(sandbox.paths.split("test"))
    run("test", "register")
    return sandbox


@pytest.fixture(scope="session")
def _ready(toy_csv: Path, tiny_bert: Path, tmp_path_factory: pytest.TempPathFactory) -> Sandbox:
    plain = lay_out(tmp_path_factory.mktemp("plain"), PARAMS, {CSV: toy_csv, WEIGHTS: tiny_bert}, fresh=True)
    for stage in ("ingest", "validate", "split"):
        done = plain.finetrail(stage)
        assert done.code == 0, done
    return plain


@pytest.fixture
def plain(_ready: Sandbox, tmp_path: Path) -> Sandbox:
    """A workspace without git and DVC, ingested, validated and split: enough to call a stage and see what it says."""
    return _ready.copy(tmp_path / "workspace")


@pytest.fixture(scope="session")
def trainable(_ready: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> Sandbox:
    """A workspace that is ready to train in, with an empty MLflow database."""
    sandbox = _ready.copy(tmp_path_factory.mktemp("base") / "workspace")
    sandbox.edit("candidates.full.train", SETTINGS)
    sandbox.edit("backbone.dropout", 0.1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLFLOW_TRACKING_URI", tracking_uri(sandbox.paths))  # `connect` would leave it set
        connect(sandbox.paths, "toy")
    return sandbox


@pytest.fixture
def workspace(trainable: Sandbox, tmp_path: Path) -> Sandbox:
    return trainable.twin(tmp_path / "workspace")


@pytest.fixture(scope="session")
def whole(trainable: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> Sandbox:
    """A workspace in which nothing was cut off."""
    sandbox = trainable.twin(tmp_path_factory.mktemp("whole") / "workspace")
    assert train(sandbox) == ""
    return sandbox


@pytest.fixture(scope="session")
def unshare() -> list[str]:
    """The command that opens a namespace in which one may mount."""
    for command in (["unshare", "--mount"], ["unshare", "--user", "--map-root-user", "--mount"]):
        probe = [*command, "sh", "-c", "mount -t tmpfs -o size=1m none /mnt"]
        if shutil.which("unshare") and subprocess.run(probe, capture_output=True).returncode == 0:
            return command
    pytest.skip("this kernel lets us mount nothing, neither as root nor in a user namespace")


@pytest.fixture
def gated(registered: Sandbox, tmp_path: Path) -> Sandbox:
    """A copy of a workspace whose MLflow knows one model, as version 1, with a database and artifacts of its own."""
    from mlflow.tracking._tracking_service import utils

    utils._artifact_repos_cache.clear()  # in this process a run's id would lead to the artifacts of the last copy
    copy = registered.twin(tmp_path / "workspace")
    with database(copy) as opened:
        for table, column in PLACES.items():
            moved = f"UPDATE {table} SET {column} = replace({column}, ?, ?)"  # noqa: S608  (our own names)
            opened.execute(moved, (str(registered.root), str(copy.root)))
    copy.edit("gate", FEW)
    return copy
