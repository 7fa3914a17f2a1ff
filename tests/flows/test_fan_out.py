"""Candidates trained by runs of their own, on two machines that share nothing but git, MLflow and the DVC remote."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.flows.server import Team

QUEUE = ("--pool", "finetrail", "--work-queue", "train", "--limit", "1", "--name", "elsewhere")


@pytest.fixture(scope="module")
def elsewhere(team: Team, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A worker of another machine: with a folder and a DVC cache of its own."""
    home = tmp_path_factory.mktemp("elsewhere")
    own = {
        "FINETRAIL_REPOSITORY": str(team.sandbox.root),
        "FINETRAIL_CHECKOUT": str(team.sandbox.root),
        "FINETRAIL_HOME": str(home),
        "FINETRAIL_DVC_CACHE": str(home / "cache"),
        "PREFECT_API_URL": team.api,
        "MLFLOW_TRACKING_URI": f"http://127.0.0.1:{team.environment['FINETRAIL_MLFLOW_PORT']}",
    }
    with (home / "worker.log").open("wb") as log:
        worker = subprocess.Popen(
            [sys.executable, "-m", "prefect", "worker", "start", *QUEUE],
            cwd=team.sandbox.root, env=team.environment | own, stdout=log, stderr=log, start_new_session=True,
        )  # fmt: skip
        yield home
        worker.send_signal(signal.SIGTERM)
        try:
            worker.wait(20)
        except subprocess.TimeoutExpired:
            worker.kill()
            worker.wait()


def test_each_candidate_is_trained_once_by_whichever_worker_is_free(team: Team, first: str, elsewhere: Path) -> None:
    runs, versions = team.count("runs"), team.versions()
    team.branch("wide", seed=11)
    run = team.start(git_ref="wide", fan_out="candidate/candidate")
    state = team.wait(run, 400)
    assert state["type"] == "COMPLETED", (state, team.logs(run)[-20:])
    started = team.children(run)
    assert {name: one["state"] for name, one in started.items()} == dict.fromkeys(("linear_probe", "full"), "COMPLETED")
    there = [any(str(elsewhere) in line for line in team.logs(one["id"])) for one in started.values()]
    assert {True, False} == set(there)
    trained = {name: state for name, state in team.states(run).items() if name.startswith("train@")}
    assert set(trained.values()) == {"Cached"}
    assert (team.count("runs"), team.versions()) == (runs + 2, versions + 1)


def test_a_deployment_that_is_not_there_is_named(team: Team, first: str) -> None:
    run = team.start(fan_out="candidate/gpu")
    state = team.wait(run)
    assert state["type"] == "FAILED"
    assert state["message"].startswith("ConfigError: fan_out is 'candidate/gpu': there is no such deployment")
    assert set(team.states(run)) == {"pull"}
