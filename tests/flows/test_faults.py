"""What goes wrong in the middle of a run: it is cancelled, or a worker, a server or the remote is away."""

import time
from pathlib import Path

import pytest

from tests.flows.conftest import Twice
from tests.flows.server import Team
from tests.flows.trainings import (
    LONG,
    TRAINING,
    away,
    branch,
    checkpoints,
    read_only,
    start_training,
    trained_without,
    wait_for_checkpoint,
    wait_until_nothing_trains,
)


def goes_on(team: Team, run: str) -> bool:
    """Whether a run's training went on from a checkpoint."""
    return any("training resumes after step" in line for line in team.logs(run))


@pytest.fixture(scope="module")
def cancelled(team: Team, first: str) -> str:
    """A run that is cancelled while the training that it started is at work."""
    branch(team, "cancelled", seed=1)
    run = start_training(team, "cancelled", "finetune/finetune", fan_out=TRAINING)
    started = time.monotonic()
    team.command("prefect", "flow-run", "cancel", run)
    team.wait(run, 60)
    for child in team.children(run).values():
        team.wait(child["id"], 60)
    wait_until_nothing_trains(team, 5)
    assert time.monotonic() - started < 60
    return run


def test_a_cancelled_run_ends_with_all_its_processes_and_the_trainings_that_it_started(
    team: Team, cancelled: str
) -> None:
    assert team.state(cancelled)["type"] == "CANCELLED"
    assert [child["state"] for child in team.children(cancelled).values()] == ["CANCELLED"]
    assert not [one for one in (team.sandbox.root / ".finetrail" / "clones").iterdir() if one.is_dir()]


def test_a_remote_that_refuses_writes_loses_nothing_of_a_training_that_went_on(team: Team, cancelled: str) -> None:
    remote = Path(team.environment["FINETRAIL_DVC_REMOTE"])
    before, runs = set(remote.rglob("*")), team.count("runs")
    with read_only(remote):
        limits = {"retries": 1, "retry_seconds": 1}
        run = team.start(TRAINING, git_ref="cancelled", name="full", limits=limits)
        state = team.wait(run)
    assert state["type"] == "FAILED"
    assert "dvc push exited with" in state["message"]
    assert state["message"].endswith("the results stay in the cache, and the next run pushes them")
    assert goes_on(team, run)
    assert team.count("runs") == runs
    assert set(remote.rglob("*")) == before
    again = team.start(TRAINING, git_ref="cancelled", name="full")
    assert team.wait(again)["type"] == "COMPLETED"
    assert {state for name, state in team.states(again).items() if "@" in name} == {"Cached"}
    assert set(remote.rglob("*")) > before


def test_a_training_whose_worker_was_killed_goes_on_and_of_two_triggers_at_once_one_trains(
    team: Team, twice: Twice
) -> None:
    assert sorted(goes_on(team, run) for run in twice.runs) == [False, True]
    for stage in ("train@full", "register"):
        assert sorted(team.states(run)[stage] for run in twice.runs) == ["Cached", "Completed"]
    assert (twice.trained, twice.registered) == (0, 1)  # the killed one's run in MLflow is taken up


@pytest.fixture(scope="module")
def faulty(team: Team, first: str) -> str:
    """A run that meets each server's absence: MLflow's before it trains, and both servers' while it does."""
    branch(team, "away", seed=4)
    before = checkpoints(team)
    with away(team, "mlflow"):
        run = team.start(TRAINING, git_ref="away", name="full")
        end = time.monotonic() + 300
        while team.states(run).get("train@full") != "AwaitingRetry":
            assert time.monotonic() < end, (team.states(run), team.logs(run)[-20:])
            time.sleep(0.5)
    wait_for_checkpoint(team, run, before)
    with trained_without(team, "prefect"):
        wait_for_checkpoint(team, run, checkpoints(team))
    with trained_without(team, "mlflow"):
        for _ in range(3):
            wait_for_checkpoint(team, run, checkpoints(team))
    state = team.wait(run)
    assert state["type"] == "COMPLETED", (state, team.logs(run)[-30:])
    return run


def test_a_stage_waits_for_mlflow_to_come_back(team: Team, faulty: str) -> None:
    tried = {one["name"]: one["run_count"] for one in team.tasks(faulty)}
    assert tried["train@full"] > 1 == tried["split"]


def test_while_servers_are_away_training_goes_on_and_no_point_of_its_curves_is_lost(team: Team, faulty: str) -> None:
    steps = team.rows(
        "SELECT step FROM metrics JOIN runs USING (run_uuid) WHERE metrics.key = 'train/loss' AND start_time = "
        "(SELECT max(start_time) FROM runs) ORDER BY step"
    )
    last, an_epoch = steps[-1][0], steps[-1][0] // LONG["epochs"]
    assert last > 300
    assert [step for (step,) in steps] == sorted({*range(3, last + 1, 3), *range(an_epoch, last + 1, an_epoch)})


def test_a_run_whose_worker_was_killed_does_not_run_for_ever(team: Team, killed: str) -> None:
    assert team.wait(killed, 240)["type"] == "CRASHED"
