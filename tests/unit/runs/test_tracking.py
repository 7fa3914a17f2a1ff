"""MLflow as an index of runs, on a real database: what is logged, and what is found again."""

import os
from pathlib import Path

import pytest

from finetrail.errors import TrackingError
from finetrail.runs.tracking import Tracker, connect, tracking_uri
from finetrail.workspace import Workspace
from tests.unit.recorded import RECORD, files_of, history, start


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
    assert (run.info.run_name, run.info.status) == ("full · abc", "FINISHED")
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
    assert (run.info.run_name, run.info.status) == ("full · abc", "FINISHED")
    assert run.data.params == RECORD.params
    assert run.data.tags.items() >= (RECORD.tags | {"finetrail.rebuilt_from": run_id}).items()
    assert len(run.inputs.dataset_inputs) == 2
    assert history(tracker, rebuilt, "train/loss") == [(5, 0.9), (10, 0.7)]
    curves = {"train/loss": 0.7, "val/loss": 0.8, "val/macro_f1": 0.75}
    final = {"val_macro_f1": 0.75, "trainable_parameters": 34, "total_parameters": 5698}
    assert run.data.metrics == curves | final | {"seconds": 3.5, "samples_per_second": 51.4}


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
    with pytest.raises(
        TrackingError, match=r"mlflow\.db does not answer as it should \(.*\); restore the file"
    ) as caught:
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
