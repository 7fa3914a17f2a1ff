"""What goes wrong in the middle of a run: it is cancelled, or a worker, a server or the remote is away."""

import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil

from finetrail.workspace import read_json
from tests.flows.server import Team

TRAINING = "candidate/candidate"  # without the stages behind it
LONG: dict[str, Any] = {"epochs": 40, "batch_size": 8, "learning_rate": 1e-3, "checkpoint_seconds": 0}


def training(team: Team) -> list[psutil.Process]:
    """The processes that work in a clone, on any worker."""
    found = []
    for process in psutil.process_iter():
        try:
            if "/clones/" in process.cwd() + "/" and process.is_running():
                found.append(process)
        except (psutil.NoSuchProcess, psutil.AccessDenied, FileNotFoundError):
            continue
    return found


def start_training(team: Team, ref: str, seed: int, deployment: str = TRAINING, **parameters: Any) -> str:
    """Trigger a run that trains for long, and wait for a checkpoint of it."""
    before = checkpoints(team)
    team.branch(ref, seed=seed, candidates={"full": {"adaptation": {"method": "full"}, "train": LONG}})
    own = {"name": "full"} if deployment == TRAINING else {}
    run = team.start(deployment, git_ref=ref, **own, **parameters)
    wait_for_checkpoint(team, run, before)
    return run


def wait_for_checkpoint(team: Team, run: str, before: set[Path]) -> None:
    """Until training has written a checkpoint that was not there before."""
    end = time.monotonic() + 120
    while not checkpoints(team) - before:
        assert time.monotonic() < end, team.logs(run)[-20:]
        time.sleep(0.1)


def checkpoints(team: Team) -> set[Path]:
    """Of all machines' trainings."""
    root, mine = team.sandbox.root.parent.parent, team.sandbox.root / ".finetrail"
    return {path for home in (mine, *root.glob("elsewhere*")) for path in home.glob("checkpoints/*/full/step-*")}


def kill(team: Team, name: str) -> None:
    """SIGKILL to one of the programs of `make up`, and to its children."""
    process = psutil.Process(read_json(team.sandbox.root / ".finetrail" / "servers" / f"{name}.json")["pid"])
    family = [process, *process.children(recursive=True)]
    for one in family:
        one.kill()
    psutil.wait_procs(family, timeout=10)


def wait_until_nothing_trains(team: Team, seconds: float) -> None:
    end = time.monotonic() + seconds
    while left := training(team):
        assert time.monotonic() < end, left
        time.sleep(0.2)


def check_it_goes_on(team: Team, ref: str, runs: int, versions: int) -> None:
    """Run the pipeline again: training goes on, in the same MLflow run, and its model is registered once."""
    again = team.start(git_ref=ref)
    state = team.wait(again)
    assert state["type"] == "COMPLETED", (state, team.logs(again)[-30:])
    assert any("training goes on after step" in line for line in team.logs(again))
    assert (team.count("runs"), team.versions()) == (runs + 1, versions + 1)


def test_a_cancelled_run_ends_with_all_its_processes(team: Team, first: str) -> None:
    runs, versions = team.count("runs"), team.versions()
    run = start_training(team, "cancelled", 1, "finetune/finetune")
    started = time.monotonic()
    team.command("prefect", "flow-run", "cancel", run)
    assert team.wait(run, 60)["type"] == "CANCELLED"
    wait_until_nothing_trains(team, 5)
    assert time.monotonic() - started < 60
    assert not [one for one in (team.sandbox.root / ".finetrail" / "clones").iterdir() if one.is_dir()]
    check_it_goes_on(team, "cancelled", runs, versions)


def test_a_worker_that_is_killed_leaves_no_run_that_runs_for_ever(team: Team, first: str) -> None:
    runs, versions = team.count("runs"), team.versions()
    run = start_training(team, "killed", 2, "finetune/finetune")
    worker = psutil.Process(read_json(team.sandbox.root / ".finetrail" / "servers" / "worker.json")["pid"])
    flow = [child for child in worker.children(recursive=True) if "prefect" in " ".join(child.cmdline())]
    for process in [worker, *flow]:
        process.send_signal(signal.SIGKILL)
    wait_until_nothing_trains(team, 20)
    team.up()
    check_it_goes_on(team, "killed", runs, versions)
    assert team.wait(run, 240)["type"] == "CRASHED"


def test_two_triggers_at_once_train_once(team: Team, first: str) -> None:
    runs, versions = team.count("runs"), team.versions()
    short = {"adaptation": {"method": "full"}, "train": LONG | {"epochs": 2}}
    team.branch("twice", seed=3, candidates={"full": short})
    both = [team.start(git_ref="twice") for _ in range(2)]
    states = [team.wait(run) for run in both]
    assert [state["type"] for state in states] == ["COMPLETED"] * 2, [team.logs(run)[-20:] for run in both]
    for stage in ("train@full", "register"):
        assert sorted(team.states(run)[stage] for run in both) == ["Cached", "Completed"]
    assert (team.count("runs"), team.versions()) == (runs + 1, versions + 1)


def test_a_prefect_server_that_restarts_stops_nothing(team: Team, first: str) -> None:
    runs = team.count("runs")
    run = start_training(team, "restarted", 4)
    kill(team, "prefect")
    wait_for_checkpoint(team, run, checkpoints(team))
    team.up()
    state = team.wait(run)
    assert state["type"] == "COMPLETED", (state, team.logs(run)[-30:])
    assert team.count("runs") == runs + 1


def test_training_goes_on_while_mlflow_is_away_and_no_point_of_its_curves_is_lost(team: Team, first: str) -> None:
    runs = team.count("runs")
    run = start_training(team, "away", 5)
    kill(team, "mlflow")
    for _ in range(3):
        wait_for_checkpoint(team, run, checkpoints(team))
    team.up()
    state = team.wait(run)
    assert state["type"] == "COMPLETED", (state, team.logs(run)[-30:])
    assert team.count("runs") == runs + 1
    steps = team.rows(
        "SELECT step FROM metrics JOIN runs USING (run_uuid) WHERE metrics.key = 'train/loss' AND start_time = "
        "(SELECT max(start_time) FROM runs) ORDER BY step"
    )
    last, an_epoch = steps[-1][0], steps[-1][0] // LONG["epochs"]
    assert last > 500
    assert [step for (step,) in steps] == sorted({*range(3, last + 1, 3), *range(an_epoch, last + 1, an_epoch)})


def test_a_stage_waits_for_mlflow_to_come_back(team: Team, first: str) -> None:
    team.branch("later", seed=6)
    kill(team, "mlflow")
    run = team.start(TRAINING, git_ref="later", name="linear_probe")
    end = time.monotonic() + 120
    while team.states(run).get("train@linear_probe") != "AwaitingRetry":
        assert time.monotonic() < end, (team.states(run), team.logs(run)[-20:])
        time.sleep(0.5)
    team.up()
    assert team.wait(run)["type"] == "COMPLETED"
    tried = {one["name"]: one["run_count"] for one in team.tasks(run)}
    assert tried["train@linear_probe"] > 1 == tried["split"]


def test_a_remote_that_refuses_writes_loses_nothing(team: Team, first: str) -> None:
    remote = Path(team.environment["FINETRAIL_DVC_REMOTE"])
    team.branch("refused", seed=7)
    before = set(remote.rglob("*"))
    with read_only(remote):
        limits = {"retries": 1, "retry_seconds": 1}
        run = team.start(TRAINING, git_ref="refused", name="linear_probe", limits=limits)
        state = team.wait(run)
    assert state["type"] == "FAILED"
    assert "dvc push exited with" in state["message"]
    assert state["message"].endswith("the results stay in the cache, and the next run pushes them")
    assert set(remote.rglob("*")) == before
    again = team.start(TRAINING, git_ref="refused", name="linear_probe")
    assert team.wait(again)["type"] == "COMPLETED"
    assert {state for name, state in team.states(again).items() if "@" in name} == {"Cached"}
    assert set(remote.rglob("*")) > before


@contextmanager
def read_only(folder: Path) -> Iterator[None]:
    """A folder that refuses writes, root's as well."""
    for options in (["--bind"], ["-o", "remount,ro,bind"]):
        subprocess.run(["mount", *options, str(folder), str(folder)], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)
