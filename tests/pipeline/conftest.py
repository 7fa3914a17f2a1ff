"""One real `dvc repro` of a tiny recipe, and workspaces to try things out in."""

import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import toy_rows, write_csv
from tests.pipeline.workspaces import CSV, PARAMS, WEIGHTS, Outcome, Sandbox, lay_out, track, wait


@pytest.fixture(scope="session")
def toy_csv(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_csv(tmp_path_factory.mktemp("source") / "toy.csv", toy_rows())


@pytest.fixture(scope="session")
def _repository(toy_csv: Path, tiny_bert: Path, tmp_path_factory: pytest.TempPathFactory) -> Sandbox:
    sandbox = lay_out(tmp_path_factory.mktemp("workspace"), PARAMS, {CSV: toy_csv, WEIGHTS: tiny_bert})
    track(sandbox, CSV, WEIGHTS)
    return sandbox


@pytest.fixture(scope="session")
def _under_way(_repository: Sandbox) -> "Iterator[subprocess.Popen[str]]":
    process = _repository.start("dvc", "repro")
    yield process
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGTERM)
        process.communicate()


@pytest.fixture(scope="session", autouse=True)
def _start_early(request: pytest.FixtureRequest) -> None:
    """Start the first run at once if a test asks for it: test_bad_*.py needs no results, and takes the other core."""
    if any("first_run" in item.fixturenames for item in request.session.items if isinstance(item, pytest.Function)):
        request.getfixturevalue("_under_way")


@pytest.fixture(scope="session")
def first_run(_repository: Sandbox, _under_way: "subprocess.Popen[str]") -> Outcome:
    """`dvc repro`, for the first time and with every stage in its own process, and a commit of what it did."""
    done = wait(_under_way, 600)
    assert done.code == 0, done.out + done.err
    _repository.must("git", "add", "--all")
    _repository.must("git", "commit", "--quiet", "--message", "first run")
    return done


@pytest.fixture(scope="session")
def finished(_repository: Sandbox, first_run: Outcome) -> Sandbox:
    """The workspace after its first run. Read only: a test that changes something takes `sandbox`."""
    return _repository


@pytest.fixture
def sandbox(finished: Sandbox, tmp_path: Path) -> Sandbox:
    """A copy of the finished workspace, with an empty MLflow database, for one test."""
    return finished.copy(tmp_path / "workspace")


@pytest.fixture(scope="session")
def _ready(toy_csv: Path, tiny_bert: Path, tmp_path_factory: pytest.TempPathFactory) -> Sandbox:
    plain = lay_out(tmp_path_factory.mktemp("plain"), PARAMS, {CSV: toy_csv, WEIGHTS: tiny_bert})
    for stage in ("ingest", "validate", "split"):
        done = plain.finetrail(stage)
        assert done.code == 0, done
    return plain


@pytest.fixture
def plain(_ready: Sandbox, tmp_path: Path) -> Sandbox:
    """A workspace without git and DVC, ingested, validated and split: enough to call a stage and see what it says."""
    return _ready.copy(tmp_path / "workspace")


@pytest.fixture(scope="session")
def unshare() -> list[str]:
    """The command that opens a namespace in which one may mount."""
    for command in (["unshare", "--mount"], ["unshare", "--user", "--map-root-user", "--mount"]):
        probe = [*command, "sh", "-c", "mount -t tmpfs -o size=1m none /mnt"]
        if shutil.which("unshare") and subprocess.run(probe, capture_output=True).returncode == 0:
            return command
    pytest.skip("this kernel lets us mount nothing, neither as root nor in a user namespace")
