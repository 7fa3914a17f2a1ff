"""Candidates trained by runs of their own, on two machines that share nothing but git, MLflow and the DVC remote."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.flows.server import Team
from tests.flows.test_deployment import STAGES

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


def children(team: Team, run: str) -> dict[str, dict[str, str]]:
    """The runs that a run started: id and state, by name."""
    found = team.ask("flow_runs/filter", flow_runs={"parent_flow_run_id": {"any_": [run]}})
    return {one["name"]: {"id": one["id"], "state": one["state"]["type"]} for one in found}


def test_each_candidate_is_trained_once_by_whichever_worker_is_free(team: Team, first: str, elsewhere: Path) -> None:
    runs, versions = team.count("runs"), team.versions()
    team.branch("wide", seed=11, candidates__lora=None)
    run = team.start(git_ref="wide", fan_out="candidate/candidate")
    state = team.wait(run, 400)
    assert state["type"] == "COMPLETED", (state, team.logs(run)[-20:])
    started = children(team, run)
    assert {name: one["state"] for name, one in started.items()} == dict.fromkeys(("linear_probe", "full"), "COMPLETED")
    there = [any(str(elsewhere) in line for line in team.logs(one["id"])) for one in started.values()]
    assert {True, False} == set(there)
    trained = {name: state for name, state in team.states(run).items() if name.startswith("train@")}
    assert set(trained.values()) == {"Cached"}
    assert (team.count("runs"), team.versions()) == (runs + 2, versions + 1)


def test_without_fan_out_the_same_lock_file_comes_out(team: Team, first: str, elsewhere: Path) -> None:
    wide = team.start(git_ref="main", fan_out="candidate/candidate")
    assert team.wait(wide)["type"] == "COMPLETED"
    assert team.artifacts(wide)["dvc-lock"] == team.artifacts(first)["dvc-lock"]
    assert {name for name, state in team.states(wide).items() if state == "Cached"} == set(STAGES)


def test_a_deployment_that_is_not_there_is_named(team: Team, first: str) -> None:
    run = team.start(fan_out="candidate/gpu")
    state = team.wait(run)
    assert state["type"] == "FAILED"
    assert state["message"].startswith("fan_out is 'candidate/gpu': there is no such deployment")


def test_a_cancelled_run_cancels_the_trainings_that_it_started(team: Team, first: str, elsewhere: Path) -> None:
    from tests.flows.test_faults import start_training, wait_until_nothing_trains

    run = start_training(team, "wide-cancelled", 12, "finetune/finetune", fan_out="candidate/candidate")
    team.command("prefect", "flow-run", "cancel", run)
    assert team.wait(run, 60)["type"] == "CANCELLED"
    (training,) = children(team, run).values()
    assert team.wait(training["id"], 60)["type"] == "CANCELLED"
    wait_until_nothing_trains(team, 20)
