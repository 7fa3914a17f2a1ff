"""MLflow as an index of runs, on a real database: what is logged, what is found again, what an outage costs."""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from finetrail.curve_log import CurveLog
from finetrail.curves import write_curve
from finetrail.errors import TrackingError
from finetrail.runs import RunRecord, write_record
from finetrail.tracking import Tracker, connect, tracking_uri
from finetrail.workspace import RunPaths, Workspace, read_json, write_json

DATASETS = [
    {"name": "train", "digest": "d" * 36, "rows": "90", "context": "training", "source": "data/splits/train"},
    {"name": "val", "digest": "e" * 36, "rows": "10", "context": "validation", "source": "data/splits/val"},
]
RECORD = RunRecord(
    run_id="",
    name="full",
    params={"train.epochs": "2", "task": "text-classification"},
    tags={"finetrail.fingerprint": "abc"},
    datasets=DATASETS,
    measured={"seconds": 3.5, "samples_per_second": 51.4},
)
TRAIN = [{"step": 5, "epoch": 0.5, "loss": 0.9}, {"step": 10, "epoch": 1.0, "loss": 0.7}]
VAL = [{"epoch": 1, "step": 10, "loss": 0.8, "macro_f1": 0.75}]
METRICS = {"val": {"macro_f1": 0.75}, "parameters": {"trainable": 34, "total": 5698}, "epochs": 1, "best_epoch": 1}


def start(tracker: Tracker) -> str:
    return tracker.start(RECORD.name, RECORD.params, RECORD.tags, RECORD.datasets)


def history(tracker: Tracker, run_id: str, name: str) -> list[tuple[int, float]]:
    return [(one.step, one.value) for one in tracker.client.get_metric_history(run_id, name)]


def files_of(folder: Path, run_id: str) -> RunPaths:
    """What `train` leaves about a candidate."""
    paths = RunPaths(folder / "runs" / "full")
    write_record(replace(RECORD, run_id=run_id), paths.record)
    write_json(paths.metrics, METRICS)
    write_curve(paths.train_curve, TRAIN)
    write_curve(paths.val_curve, VAL)
    return paths


@contextmanager
def outage(address: str) -> Iterator[None]:
    """The database cannot take any metric for a while."""

    def rename(old: str, new: str) -> None:
        database = sqlite3.connect(address.removeprefix("sqlite:///"))
        database.execute(f"ALTER TABLE {old} RENAME TO {new}")
        database.close()

    rename("metrics", "away")
    try:
        yield
    finally:
        rename("away", "metrics")


def test_connecting_again_finds_the_same_experiment(tracker: Tracker, tmp_path: Path) -> None:
    name = tracker.client.get_experiment(tracker.experiment_id).name
    assert connect(Workspace(tmp_path), name).experiment_id == tracker.experiment_id
    assert connect(Workspace(tmp_path), name + " 2").experiment_id != tracker.experiment_id


def test_the_address_is_the_users_or_a_database_in_the_workspace(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    assert tracking_uri(Workspace(tmp_path)) == f"sqlite:///{tmp_path}/.finetrail/mlflow/mlflow.db"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://example.org")
    assert tracking_uri(Workspace(tmp_path)) == "http://example.org"


def test_a_run_holds_what_it_was_told(tracker: Tracker, tmp_path: Path) -> None:
    run_id = start(tracker)
    tracker.log(run_id, {"train/loss": 0.9}, 5)
    tracker.log(run_id, {"train/loss": 0.7, "train/learning_rate": 1e-3}, 10)
    tracker.tag(run_id, {"mlflow.note.content": "why " * 5000})
    (tmp_path / "report.html").write_text("<p>")
    tracker.upload(run_id, tmp_path / "report.html", "test")
    (tmp_path / "plots").mkdir()
    (tmp_path / "plots" / "a.csv").write_text("x\n")
    tracker.upload(run_id, tmp_path / "plots", "plots")
    tracker.end(run_id)
    run = tracker.client.get_run(run_id)
    assert (run.info.run_name, run.info.status) == ("full", "FINISHED")
    assert run.data.params == RECORD.params
    assert tracker.tags(run_id).items() >= {"finetrail.fingerprint": "abc", "finetrail.candidate": "full"}.items()
    assert len(tracker.tags(run_id)["mlflow.note.content"]) == 5000
    assert history(tracker, run_id, "train/loss") == [(5, 0.9), (10, 0.7)]
    found = {one.dataset.name: (one.dataset.digest, one.tags[0].value) for one in run.inputs.dataset_inputs}
    assert found == {"train": ("d" * 36, "training"), "val": ("e" * 36, "validation")}
    assert [one.path for one in tracker.client.list_artifacts(run_id, "test")] == ["test/report.html"]
    assert [one.path for one in tracker.client.list_artifacts(run_id, "plots")] == ["plots/a.csv"]


def test_the_description_of_an_experiment_says_what_was_chosen(tracker: Tracker) -> None:
    tracker.describe("full leads")
    assert tracker.client.get_experiment(tracker.experiment_id).tags["mlflow.note.content"] == "full leads"


def test_a_run_that_the_server_knows_is_resumed(tracker: Tracker, tmp_path: Path) -> None:
    run_id = start(tracker)
    tracker.end(run_id)
    assert tracker.resume(files_of(tmp_path, run_id)) == run_id
    assert len(tracker.client.search_runs([tracker.experiment_id])) == 1


@pytest.mark.parametrize("state", ["deleted", "unfinished", "failed", "never seen"])
def test_a_run_that_the_server_lost_is_rebuilt_from_its_files_once(
    tracker: Tracker, tmp_path: Path, state: str
) -> None:
    run_id = "0" * 32 if state == "never seen" else start(tracker)
    if state == "failed":
        tracker.end(run_id, "FAILED")
    if state == "deleted":
        tracker.end(run_id)
        tracker.client.delete_run(run_id)
    paths = files_of(tmp_path, run_id)
    rebuilt = tracker.resume(paths)
    assert rebuilt != run_id
    assert tracker.resume(paths) == rebuilt
    run = tracker.client.get_run(rebuilt)
    assert (run.info.run_name, run.info.status) == ("full", "FINISHED")
    assert run.data.params == RECORD.params
    assert run.data.tags.items() >= (RECORD.tags | {"finetrail.rebuilt_from": run_id}).items()
    assert len(run.inputs.dataset_inputs) == 2
    assert history(tracker, rebuilt, "train/loss") == [(5, 0.9), (10, 0.7)]
    assert run.data.metrics == {
        "train/loss": 0.7, "val/loss": 0.8, "val/macro_f1": 0.75, "best_val_macro_f1": 0.75,
        "trainable_parameters": 34, "total_parameters": 5698, "seconds": 3.5, "samples_per_second": 51.4,
    }  # fmt: skip


def test_the_record_of_a_run_comes_back(tmp_path: Path) -> None:
    write_record(RECORD, tmp_path / "run.json")
    assert RunRecord(**read_json(tmp_path / "run.json")) == RECORD


def test_points_that_could_not_be_sent_are_sent_later_in_their_order(
    tracker: Tracker, caplog: pytest.LogCaptureFixture
) -> None:
    run_id = start(tracker)
    curves = CurveLog(tracker, run_id, pause=0)
    curves("train", 1, {"step": 1, "epoch": 0.1, "loss": 0.9})
    with outage(tracker.uri):
        curves("train", 2, {"step": 2, "epoch": 0.2, "loss": 0.8})
        curves("val", 2, {"step": 2, "epoch": 0.2, "macro_f1": 0.5})
    assert history(tracker, run_id, "train/loss") == [(1, 0.9)]
    assert "does not answer as it should" in caplog.text
    assert "training goes on, 2 points wait" in caplog.text
    curves("train", 3, {"step": 3, "epoch": 0.3, "loss": 0.7})
    assert history(tracker, run_id, "train/loss") == [(1, 0.9), (2, 0.8), (3, 0.7)]
    curves.close({"best_val_macro_f1": 0.5}, "FINISHED")
    run = tracker.client.get_run(run_id)
    assert run.data.metrics == {"train/loss": 0.7, "val/macro_f1": 0.5, "best_val_macro_f1": 0.5}
    assert run.info.status == "FINISHED"


def test_a_server_that_is_away_is_not_asked_at_every_point(tracker: Tracker, caplog: pytest.LogCaptureFixture) -> None:
    run_id = start(tracker)
    curves = CurveLog(tracker, run_id)
    with outage(tracker.uri):
        for step in range(1, 4):
            curves("train", step, {"loss": 1 / step})
        assert caplog.text.count("points wait") == 1
    curves("train", 4, {"loss": 0.25})
    assert history(tracker, run_id, "train/loss") == []
    curves.close({}, "FINISHED")  # the end is worth another try
    assert history(tracker, run_id, "train/loss") == [(1, 1), (2, 0.5), (3, 1 / 3), (4, 0.25)]


def test_a_run_whose_end_could_not_be_sent_is_rebuilt_by_the_next_stage(tracker: Tracker, tmp_path: Path) -> None:
    run_id = start(tracker)
    curves = CurveLog(tracker, run_id)
    with outage(tracker.uri):
        curves("train", 5, {"loss": 0.9})
        curves.close({"best_val_macro_f1": 0.5}, "FINISHED")
    assert tracker.client.get_run(run_id).info.status == "RUNNING"
    assert tracker.resume(files_of(tmp_path, run_id)) != run_id


@pytest.mark.parametrize("address", ["http://ann:s3cret@127.0.0.1:9", "http://ann:p@s3cret@127.0.0.1:9"])
def test_a_server_that_does_not_answer_is_one_line_without_the_password(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", address)
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    with pytest.raises(TrackingError, match=r"MLflow at http://127\.0\.0\.1:9 does not answer as it should") as caught:
        connect(Workspace(tmp_path), "demo")
    message = str(caught.value)
    assert message.endswith("start it, or correct MLFLOW_TRACKING_URI")
    assert "\n" not in message
    assert "s3cret" not in message
    assert "ann" not in message


def test_a_database_that_cannot_be_opened_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "mlflow.db").write_text("this is no database " * 100)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path}/mlflow.db")
    with pytest.raises(TrackingError, match=r"mlflow\.db does not answer as it should \(.*\); start it") as caught:
        connect(Workspace(tmp_path), "demo")
    assert "\n" not in str(caught.value)


def test_connecting_tells_mlflow_to_keep_quiet_and_not_to_wait_for_ever(
    tracker: Tracker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("MLFLOW_DISABLE_TELEMETRY", "MLFLOW_HTTP_REQUEST_MAX_RETRIES"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "7")
    connect(Workspace(tmp_path), "first")
    assert os.environ["MLFLOW_DISABLE_TELEMETRY"] == "true"
    assert int(os.environ["MLFLOW_HTTP_REQUEST_MAX_RETRIES"]) <= 5
    assert os.environ["MLFLOW_HTTP_REQUEST_TIMEOUT"] == "7"  # the user's own stays
