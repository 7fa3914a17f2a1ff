"""Trainings that take long enough to be disturbed, and the ways to disturb them."""

import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import psutil

from finetrail.workspace import read_json
from tests.flows.server import Team

TRAINING = "candidate/candidate"  # without the stages behind it
LONG: dict[str, Any] = {"epochs": 30, "batch_size": 8, "learning_rate": 1e-3, "checkpoint_seconds": 0}


def branch(team: Team, ref: str, seed: int, **train: Any) -> None:
    """Commit a branch whose only candidate trains for long. Args: train: other settings of its training."""
    team.branch(ref, seed=seed, candidates={"full": {"adaptation": {"method": "full"}, "train": LONG | train}})


def start_training(team: Team, ref: str, deployment: str = TRAINING, **parameters: Any) -> str:
    """Trigger a run of such a branch, and wait for a checkpoint of it."""
    before = checkpoints(team)
    run = team.start(deployment, git_ref=ref, **parameters)
    wait_for_checkpoint(team, run, before)
    return run


def wait_for_checkpoint(team: Team, run: str, before: set[Path]) -> None:
    """Until training has written a checkpoint that was not there before."""
    end = time.monotonic() + 300
    while not checkpoints(team) - before:
        assert time.monotonic() < end, team.logs(run)[-20:]
        time.sleep(0.1)


def checkpoints(team: Team) -> set[Path]:
    """Of all trainings."""
    return set((team.sandbox.root / ".finetrail").glob("checkpoints/*/full/step-*"))


def wait_until_nothing_trains(team: Team, seconds: float) -> None:
    """Until no process works in a clone."""
    end = time.monotonic() + seconds
    while left := _in_clones(team):
        assert time.monotonic() < end, left
        time.sleep(0.2)


@contextmanager
def _resting(team: Team) -> Iterator[None]:
    """What works in a clone stands still, however busy the machine is."""
    found = _in_clones(team)
    for process in found:
        process.suspend()
    try:
        yield
    finally:
        for process in found:
            process.resume()


def _in_clones(team: Team) -> list[psutil.Process]:
    clones = f"{team.sandbox.root / '.finetrail' / 'clones'}/"
    found = []
    for process in psutil.process_iter():
        try:
            if process.cwd().startswith(clones) and process.is_running():
                found.append(process)
        except (psutil.NoSuchProcess, psutil.AccessDenied, FileNotFoundError):
            continue
    return found


def server(team: Team, name: str) -> psutil.Process:
    """One of the programs of `make up`."""
    return psutil.Process(read_json(team.sandbox.root / ".finetrail" / "servers" / f"{name}.json")["pid"])


@contextmanager
def away(team: Team, name: str) -> Iterator[None]:
    """One of the programs of `make up` is killed, with its children, and comes back in the end."""
    process = server(team, name)
    family = [process, *process.children(recursive=True)]
    for one in family:
        one.kill()
    psutil.wait_procs(family, timeout=10)
    try:
        yield
    finally:
        team.up()


@contextmanager
def trained_without(team: Team, name: str) -> Iterator[None]:
    """The same beside a training, which stands still while the program goes and comes: so it does not end meanwhile."""
    with ExitStack() as gone:
        with _resting(team):
            gone.enter_context(away(team, name))
        yield
        with _resting(team):
            gone.close()


@contextmanager
def read_only(folder: Path) -> Iterator[None]:
    """A folder that refuses writes, root's as well."""
    for options in (["--bind"], ["-o", "remount,ro,bind"]):
        subprocess.run(["mount", *options, str(folder), str(folder)], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)
