"""Runs that are cancelled or whose worker dies in the middle of a training: all of it ends, and the next goes on."""

import signal
import time
from pathlib import Path
from typing import Any

import psutil

from finetrail.workspace import read_json
from tests.flows.server import Team

LONG: dict[str, Any] = {"epochs": 40, "batch_size": 8, "learning_rate": 1e-3, "checkpoint_seconds": 0}


def training(team: Team) -> list[psutil.Process]:
    """The processes that work in a clone."""
    clones = team.sandbox.root / ".finetrail" / "clones"
    found = []
    for process in psutil.process_iter():
        try:
            if Path(process.cwd()).is_relative_to(clones):
                found.append(process)
        except (psutil.NoSuchProcess, psutil.AccessDenied, FileNotFoundError):
            continue
    return found


def start_training(team: Team, ref: str, seed: int) -> str:
    """Trigger a run that trains for long, and wait for a checkpoint of it."""
    before = checkpoints(team)
    team.branch(ref, seed=seed, candidates={"full": {"adaptation": {"method": "full"}, "train": LONG}})
    run = team.start(git_ref=ref)
    end = time.monotonic() + 120
    while not checkpoints(team) - before:
        assert time.monotonic() < end, team.logs(run)[-20:]
        time.sleep(0.1)
    return run


def checkpoints(team: Team) -> set[Path]:
    return set((team.sandbox.root / ".finetrail" / "checkpoints").glob("*/full/step-*"))


def wait_until_nothing_trains(team: Team, seconds: float) -> None:
    end = time.monotonic() + seconds
    while left := training(team):
        assert time.monotonic() < end, left
        time.sleep(0.2)


def check_it_goes_on(team: Team, ref: str, runs: int, versions: int) -> None:
    """Run it again: it goes on, in the same MLflow run, and is registered once."""
    again = team.start(git_ref=ref)
    state = team.wait(again)
    assert state["type"] == "COMPLETED", (state, team.logs(again)[-30:])
    assert any("training goes on after step" in line for line in team.logs(again))
    assert (team.count("runs"), team.count("model_versions")) == (runs + 1, versions + 1)


def test_a_cancelled_run_ends_with_all_its_processes(team: Team, first: str) -> None:
    runs, versions = team.count("runs"), team.count("model_versions")
    run = start_training(team, "cancelled", 1)
    started = time.monotonic()
    team.command("prefect", "flow-run", "cancel", run)
    assert team.wait(run, 60)["type"] == "CANCELLED"
    wait_until_nothing_trains(team, 5)
    assert time.monotonic() - started < 60
    assert not [one for one in (team.sandbox.root / ".finetrail" / "clones").iterdir() if one.is_dir()]
    check_it_goes_on(team, "cancelled", runs, versions)


def test_a_worker_that_is_killed_leaves_no_run_that_runs_for_ever(team: Team, first: str) -> None:
    runs, versions = team.count("runs"), team.count("model_versions")
    run = start_training(team, "killed", 2)
    worker = psutil.Process(read_json(team.sandbox.root / ".finetrail" / "servers" / "worker.json")["pid"])
    flow = [child for child in worker.children(recursive=True) if "prefect" in " ".join(child.cmdline())]
    for process in [worker, *flow]:
        process.send_signal(signal.SIGKILL)
    wait_until_nothing_trains(team, 20)
    team.up()
    check_it_goes_on(team, "killed", runs, versions)
    assert team.wait(run, 240)["type"] == "CRASHED"


def test_two_triggers_at_once_train_once(team: Team, first: str) -> None:
    runs, versions = team.count("runs"), team.count("model_versions")
    short = {"adaptation": {"method": "full"}, "train": LONG | {"epochs": 2}}
    team.branch("twice", seed=3, candidates={"full": short})
    both = [team.start(git_ref="twice") for _ in range(2)]
    states = [team.wait(run) for run in both]
    assert [state["type"] for state in states] == ["COMPLETED"] * 2, [team.logs(run)[-20:] for run in both]
    trained = [team.states(run)["train@full"] for run in both]
    assert sorted(trained) == ["Cached", "Completed"]
    assert (team.count("runs"), team.count("model_versions")) == (runs + 1, versions + 1)
