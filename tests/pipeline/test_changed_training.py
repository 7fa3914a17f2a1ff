"""Trainings that were cut off or are finished, and whose settings, data or weights are others now."""

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.pipeline import forks
from tests.pipeline.trainings import after, check_run, results, runs, train
from tests.pipeline.workspaces import WEIGHTS, Sandbox


def _other_weights(workspace: Sandbox) -> None:
    from safetensors.torch import load_file, save_file

    path = workspace.root / WEIGHTS / "model.safetensors"
    save_file({name: tensor * 1.01 for name, tensor in load_file(path).items()}, path)


def _other_data(workspace: Sandbox) -> None:
    workspace.edit("split.val", 0.2)
    assert workspace.finetrail("split").code == 0


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda one: one.edit("candidates.full.train.learning_rate", 3e-3), "train.learning_rate was '0.004', is '0.0"),
        (_other_weights, "weights was '"),
        (_other_data, "data.train was '"),
    ],
    ids=["setting", "weights", "data"],
)
def test_what_would_be_another_training_starts_afresh_and_says_so(
    workspace: Sandbox, change: Callable[[Sandbox], None], told: str
) -> None:
    forks.start(workspace, "train", "full").kill(after(workspace, 3))
    change(workspace)
    err = train(workspace)
    assert err.startswith("warning: an earlier training of this candidate was interrupted, but ")
    assert told in err
    assert err.endswith(": it starts over\n")
    assert err.count("\n") == 1
    new, old = runs(workspace)
    assert old.info.status == "KILLED"
    check_run(workspace, new)


def test_what_changes_no_result_changes_no_byte(workspace: Sandbox, whole: Sandbox) -> None:
    forks.start(workspace, "train", "full").kill(after(workspace, 20))
    workspace.edit("candidates.full.train.workers", 2)
    workspace.edit("candidates.full.train.checkpoint_seconds", 30)
    assert "warning: training resumes after step" in train(workspace)
    assert results(workspace, "params", "tags") == results(whole, "params", "tags")
    new, old = runs(workspace)  # MLflow never changes a param
    assert old.info.status == "KILLED"
    check_run(workspace, new)


def test_a_finished_training_whose_rates_know_nothing_of_its_end_goes_on(
    workspace: Sandbox, trainable: Sandbox, tmp_path: Path
) -> None:
    for key, value in {"schedule": "constant", "warmup": 5, "epochs": 2, "checkpoint_seconds": 60}.items():
        workspace.edit(f"candidates.full.train.{key}", value)
    fresh = workspace.twin(tmp_path / "fresh")
    train(fresh)
    workspace.edit("candidates.full.train.epochs", 1)
    train(workspace)
    workspace.edit("candidates.full.train.epochs", 2)
    assert train(workspace) == "warning: training resumes after step 17 of 34\n"
    assert results(workspace) == results(fresh)
    longer, shorter = runs(workspace)
    assert shorter.info.status == "FINISHED"
    check_run(workspace, longer)
    # Shorter again: the first epoch alone is not there any more.
    workspace.edit("candidates.full.train.epochs", 1)
    assert train(workspace) == "warning: 34 steps were done, but only 17 are wanted: training starts over\n"
    assert Counter(run.info.status for run in runs(workspace)) == {"FINISHED": 3}


def test_rates_that_go_down_to_the_end_are_others_in_a_longer_training(workspace: Sandbox) -> None:
    workspace.edit("candidates.full.train.epochs", 1)
    train(workspace)
    workspace.edit("candidates.full.train.epochs", 2)
    assert train(workspace) == (
        "warning: train.epochs was '1', is '2', and the steps so far depend on it: training starts over; with "
        "train.schedule constant or plateau, train.warmup in steps, and without swa it would resume\n"
    )
