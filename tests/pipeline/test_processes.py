"""Several processes train together: the same result, and an end that is clear when one dies."""

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import torch

from finetrail.models.weights import load_tensors
from finetrail.workspace import read_json
from tests.pipeline import forks
from tests.pipeline.trainings import after, check_run, newest, runs
from tests.pipeline.warm import parent, working_in
from tests.pipeline.workspaces import Outcome, Sandbox, wait

TOLERANCE = 2e-5
"""Of weights of size 1: two processes add up the same numbers in another order."""


def weights(sandbox: Sandbox) -> dict[str, torch.Tensor]:
    return load_tensors(sandbox.paths.model("full") / "model.safetensors")


def prepare(sandbox: Sandbox, **settings: object) -> None:
    # Learning rates at which rounding does not grow from step to step.
    common: dict[str, object] = {"epochs": 3, "learning_rate": 1e-3, "precision": "fp32", "checkpoint_seconds": 0}
    sandbox.edit("candidates.full.train", common | {"log_every": 1} | settings)


@pytest.fixture(scope="module")
def alone(_ready: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> Sandbox:
    """A workspace in which one process has trained."""
    sandbox = _ready.copy(tmp_path_factory.mktemp("alone") / "workspace")
    prepare(sandbox)
    assert sandbox.finetrail("train", "full").code == 0
    return sandbox


@pytest.fixture
def workspace(_ready: Sandbox, alone: Sandbox, tmp_path: Path) -> Sandbox:
    """One with the same settings in which nothing was trained."""
    sandbox = _ready.copy(tmp_path / "workspace")
    prepare(sandbox)
    return sandbox


def check_same(sandbox: Sandbox, alone: Sandbox) -> None:
    found, wanted = weights(sandbox), weights(alone)
    assert found.keys() == wanted.keys()
    for name in wanted:
        torch.testing.assert_close(found[name], wanted[name], rtol=TOLERANCE, atol=TOLERANCE)
    metrics, wanted_metrics = read_json(sandbox.paths.run("full").details), read_json(alone.paths.run("full").details)
    assert metrics["val"]["loss"] == pytest.approx(wanted_metrics["val"]["loss"], abs=1e-4)
    assert metrics["parameters"] == wanted_metrics["parameters"]


def trainers(sandbox: Sandbox) -> dict[int, int]:
    """The processes that train in this workspace: their ids by their numbers; those of the launching ones are < 0."""
    here = {pid: parent(pid) for pid in working_in(sandbox.root)}
    many = sorted(pid for pid in here if here[pid] in here)  # forked from the launching one, in their order
    launching = [pid for pid in here if pid not in many]
    return dict(enumerate(many)) | {-1 - place: pid for place, pid in enumerate(launching)}


def all_ended(sandbox: Sandbox) -> bool:
    """Whether they all end within some seconds."""
    deadline = time.monotonic() + 10
    while trainers(sandbox) and time.monotonic() < deadline:
        time.sleep(0.1)
    return not trainers(sandbox)


def check_end(done: Outcome, sandbox: Sandbox, alone: Sandbox) -> None:
    assert done.code == 0, done
    assert done.err.count("training resumes after step") == 1
    assert done.out.count("trained full:") == 1
    check_same(sandbox, alone)


@contextmanager
def two(sandbox: Sandbox) -> "Iterator[subprocess.Popen[str]]":
    """Two processes in the midst of a training, some steps further than it was; nothing of them stays."""
    enough = newest(sandbox) + 3
    process = sandbox.start("finetrail", "train", "full")
    try:
        deadline = time.monotonic() + 300
        while newest(sandbox) < enough:
            assert process.poll() is None, process.communicate()
            assert time.monotonic() < deadline
            time.sleep(0.01)
        yield process
    finally:
        for pid in trainers(sandbox).values():
            os.kill(pid, signal.SIGKILL)
        process.communicate()


def test_a_job_that_was_stopped_three_times_gives_what_one_process_gives(workspace: Sandbox, alone: Sandbox) -> None:
    """By Ctrl-C, by the death of one process, and by that of the launching one; each goes on with the one before."""
    prepare(workspace, processes=2)
    with two(workspace) as process:
        os.killpg(process.pid, signal.SIGINT)
        done = wait(process, 60)
        assert trainers(workspace) == {}
    assert (done.code, done.out, done.err) == (130, "", "")
    assert [run.info.status for run in runs(workspace)] == ["KILLED"]

    with two(workspace) as process:
        os.kill(trainers(workspace)[1], signal.SIGKILL)
        killed = time.monotonic()
        done = wait(process, 60)
        assert time.monotonic() - killed < 15
        assert trainers(workspace) == {}
    assert done.code == 5
    goes_on, error = done.err.splitlines()
    assert "training resumes after step" in goes_on
    assert error == (
        "TrainingError: process 1 of 2 was killed by SIGKILL; run the same command again: "
        "training resumes from the last checkpoint"
    )
    assert [run.info.status for run in runs(workspace)] == ["FAILED"]

    with two(workspace) as process:
        process.kill()
        assert all_ended(workspace)
    command = "accelerate launch --num_processes 2 --num_machines 1 --mixed_precision no --dynamo_backend no --cpu"
    check_end(workspace.run(*command.split(), "-m", "finetrail", "train", "full"), workspace, alone)
    (run,) = runs(workspace)
    check_run(workspace, run)


def test_two_go_on_with_what_one_began(workspace: Sandbox, alone: Sandbox) -> None:
    forks.start(workspace, "train", "full").kill(after(workspace, 5))
    command = "torchrun --standalone --nproc-per-node 2 -m finetrail train full"
    check_end(workspace.run(*command.split()), workspace, alone)
