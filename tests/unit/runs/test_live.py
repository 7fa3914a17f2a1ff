"""A training's run in MLflow, opened, cut off, taken up again and closed, on a real database."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from finetrail.errors import WorkspaceError
from finetrail.runs.live import LiveRun, checkpoint_folder
from finetrail.runs.tracking import Tracker
from finetrail.training.checkpoints import Checkpoints
from finetrail.workspace import Workspace
from tests.unit.recorded import RECORD, history

POINTS = [{"step": step, "epoch": step / 10, "loss": 1 / step} for step in (1, 2, 3)]


def live(
    tracker: Tracker, root: Path, *, length_matters: bool = True, patience: float = 20.0, **params: str
) -> LiveRun:
    name = tracker.client.get_experiment(tracker.experiment_id).name
    record = replace(RECORD, params=RECORD.params | {f"train.{key}": value for key, value in params.items()})
    return LiveRun(
        Workspace(root), name, record, {"code": "1"}, steps=9, length_matters=length_matters, patience=patience
    )


def cut_off(run: LiveRun, root: Path) -> None:
    """A checkpoint with two points, and then a crash: the system frees the lock."""
    fitted = {"step": 2, "train_curve": POINTS[:2], "val_curve": []}
    Checkpoints(checkpoint_folder(Workspace(root), "full")).save(2, {"w": torch.ones(1)}, {"fitted": fitted})
    run.release()


def test_points_that_mlflow_has_are_not_sent_again_and_those_that_it_lacks_are(
    tracker: Tracker, tmp_path: Path
) -> None:
    first = live(tracker, tmp_path)
    first.log("train", 1, POINTS[0])
    first.log("train", 3, POINTS[2])  # after the checkpoint; number 2 was lost on its way
    cut_off(first, tmp_path)
    second = live(tracker, tmp_path)
    assert second.resume is not None
    assert second.log.run_id == first.log.run_id
    second.log("train", 3, POINTS[2])
    second.finish({"val_macro_f1": 0.5})
    assert sorted(history(tracker, second.log.run_id, "train/loss")) == [(1, 1), (2, 1 / 2), (3, 1 / 3)]
    assert history(tracker, second.log.run_id, "val_macro_f1") == [(0, 0.5)]
    assert tracker.client.get_run(second.log.run_id).info.status == "FINISHED"


@pytest.mark.parametrize(("error", "status"), [(ValueError(), "FAILED"), (KeyboardInterrupt(), "KILLED")])
def test_a_run_that_failed_runs_again_when_its_training_goes_on(
    tracker: Tracker, tmp_path: Path, error: BaseException, status: str
) -> None:
    first = live(tracker, tmp_path)
    first.fail(error)
    assert tracker.client.get_run(first.log.run_id).info.status == status
    second = live(tracker, tmp_path)
    assert second.log.run_id == first.log.run_id
    assert tracker.client.get_run(first.log.run_id).info.status == "RUNNING"
    second.fail(error)


def test_a_run_that_was_cut_off_before_it_was_filled_is_filled(tracker: Tracker, tmp_path: Path) -> None:
    first = live(tracker, tmp_path)
    tags = tracker.tags(first.log.run_id)
    tracker.client.delete_run(first.log.run_id)
    first.fail(ValueError())
    # As a crash leaves it that hits just after MLflow has made the run.
    bare = tracker.client.create_run(tracker.experiment_id, tags=tags).info.run_id
    second = live(tracker, tmp_path)
    second.finish({})
    run = tracker.client.get_run(bare)
    assert second.log.run_id == bare
    assert run.data.params == RECORD.params
    assert len(run.inputs.dataset_inputs) == 2


def test_a_run_that_mlflow_lost_is_made_again_with_every_point(tracker: Tracker, tmp_path: Path) -> None:
    first = live(tracker, tmp_path)
    first.log("train", 1, POINTS[0])
    cut_off(first, tmp_path)
    tracker.client.delete_run(first.log.run_id)
    second = live(tracker, tmp_path)
    assert second.log.run_id != first.log.run_id
    second.finish({})
    assert history(tracker, second.log.run_id, "train/loss") == [(1, 1), (2, 1 / 2)]


def test_another_training_ends_the_run_of_the_one_before(tracker: Tracker, tmp_path: Path) -> None:
    first = live(tracker, tmp_path)
    cut_off(first, tmp_path)
    second = live(tracker, tmp_path, learning_rate="2")
    assert second.resume is None
    assert second.log.run_id != first.log.run_id
    assert tracker.client.get_run(first.log.run_id).info.status == "KILLED"
    second.finish({})
    third = live(tracker, tmp_path, learning_rate="3")
    third.finish({})
    assert tracker.client.get_run(second.log.run_id).info.status == "FINISHED", "what was finished stays so"


@pytest.mark.parametrize("length_matters", [True, False])
def test_checkpoints_stay_only_where_a_longer_training_may_go_on(
    tracker: Tracker, tmp_path: Path, length_matters: bool
) -> None:
    cut_off(live(tracker, tmp_path, length_matters=length_matters, epochs="1"), tmp_path)
    live(tracker, tmp_path, length_matters=length_matters, epochs="1").finish({})
    folder = checkpoint_folder(Workspace(tmp_path), "full")
    assert bool(list(folder.glob("*.safetensors"))) != length_matters
    longer = live(tracker, tmp_path, length_matters=length_matters, epochs="2")
    assert (longer.resume is None) == length_matters
    longer.finish({})


def test_a_candidate_is_trained_by_one_at_a_time(tracker: Tracker, tmp_path: Path) -> None:
    first = live(tracker, tmp_path)
    with pytest.raises(
        WorkspaceError, match=r"'full' is being trained by another process, .*; wait for it to end, or e"
    ):
        live(tracker, tmp_path, patience=0)
    assert tracker.client.get_run(first.log.run_id).info.status == "RUNNING"
    first.finish({})
    live(tracker, tmp_path).finish({})
