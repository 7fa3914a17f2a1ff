"""No network, no server: one line within seconds, not a traceback after minutes."""

import subprocess
import time
from pathlib import Path

import pytest

from tests.pipeline import forks
from tests.pipeline.workspaces import Outcome, Sandbox, contents, wait

NOBODY = "http://127.0.0.1:9"  # the port of `discard`: nothing listens there
HUB = {"HF_HUB_OFFLINE": "0", "HF_ENDPOINT": NOBODY}
CASES = {
    "hub data set": (["ingest"], {"source.path": "hf://datasets/owner/name"}, HUB),
    "hub model": (["train", "full"], {"backbone.weights": "hf://owner/name"}, HUB),
    "mlflow": (["train", "full"], {}, {"MLFLOW_TRACKING_URI": NOBODY}),
}


@pytest.fixture(scope="module")
def answers(_ready: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[Outcome, float, bool]]:
    """What each command said, after how many seconds, and whether data/ is as before. They wait side by side."""
    folder: Path = tmp_path_factory.mktemp("unreachable")
    started, running, workspaces = time.monotonic(), dict[str, "subprocess.Popen[str] | forks.Fork"](), {}
    for name, (command, edits, environment) in CASES.items():
        workspace = workspaces[name] = _ready.copy(folder / name.replace(" ", "-"))
        for section, value in edits.items():
            workspace.edit(section, value)
        if environment is HUB:  # read by the hub's library when it is imported
            running[name] = workspace.start("finetrail", *command, **environment, HF_HOME=str(folder / "hub"))
        else:
            running[name] = forks.start(workspace, *command, **environment)
    before = contents(_ready.root / "data")
    found = {}
    while running:
        for name in [name for name, one in running.items() if _ended(one)]:
            one = running.pop(name)
            done, seconds = one.wait() if isinstance(one, forks.Fork) else wait(one), time.monotonic() - started
            found[name] = (done, seconds, contents(workspaces[name].root / "data") == before)
        time.sleep(0.2)
    return found


def _ended(one: "subprocess.Popen[str] | forks.Fork") -> bool:
    return not one.process.is_alive() if isinstance(one, forks.Fork) else one.poll() is not None


@pytest.mark.parametrize(
    ("name", "code", "error"),
    [
        ("hub data set", 8, "UnreachableError: 'hf://datasets/owner/name' cannot be fetched from the hub ("),
        ("hub model", 8, "UnreachableError: 'hf://owner/name' cannot be fetched from the hub ("),
        ("mlflow", 6, f"TrackingError: MLflow at {NOBODY} does not answer as it should ("),
    ],
)
def test_it_says_so_in_one_line(
    answers: dict[str, tuple[Outcome, float, bool]], name: str, code: int, error: str
) -> None:
    done, seconds, untouched = answers[name]
    assert done.code == code
    assert done.error.startswith(error)
    assert seconds < 90, "far below what a person would take for a hang"
    assert untouched


def test_offline_mode_does_not_even_try(plain: Sandbox) -> None:
    plain.edit("source.path", "hf://datasets/owner/name")
    started = time.monotonic()
    done = plain.finetrail("ingest")
    assert done.code == 3
    assert "(OfflineModeIsEnabled" in done.error or "OfflineModeIsEnabled)" in done.error
    assert time.monotonic() - started < 30


def test_the_database_of_mlflow_is_not_one(plain: Sandbox) -> None:
    (plain.root / "mlflow.db").write_bytes(b"this is no database" * 100)
    done = plain.finetrail("train", "linear_probe", MLFLOW_TRACKING_URI=f"sqlite:///{plain.root / 'mlflow.db'}")
    assert done.code == 6
    assert done.error.startswith("TrackingError: MLflow at sqlite:///")
    assert "file is not a database" in done.error
