"""What an outage of MLflow costs a training: nothing but a warning."""

import signal
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from mlflow.exceptions import MlflowException

from finetrail.runs.curve_log import CurveLog
from finetrail.runs.tracking import Tracker
from tests.unit.recorded import files_of, history, start


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
    assert "training continues, 2 points wait" in caplog.text
    curves("train", 3, {"step": 3, "epoch": 0.3, "loss": 0.7})
    assert history(tracker, run_id, "train/loss") == [(1, 0.9), (2, 0.8), (3, 0.7)]
    curves.close({"val_macro_f1": 0.5}, "FINISHED")
    run = tracker.client.get_run(run_id)
    assert run.data.metrics == {"train/loss": 0.7, "val/macro_f1": 0.5, "val_macro_f1": 0.5}
    assert run.info.status == "FINISHED"


def test_a_point_whose_answer_was_lost_is_there_once(tracker: Tracker, monkeypatch: pytest.MonkeyPatch) -> None:
    """The server may have written it before it was killed."""
    run_id = start(tracker)
    curves = CurveLog(tracker, run_id, pause=0)
    log_batch = tracker.client.log_batch

    def written_but_not_answered(*args: Any, **kwargs: Any) -> None:
        log_batch(*args, **kwargs)
        raise MlflowException("Connection aborted")

    with monkeypatch.context() as patch:
        patch.setattr(tracker.client, "log_batch", written_but_not_answered)
        curves("train", 1, {"loss": 0.9})
        time.sleep(0.005)
    curves("train", 2, {"loss": 0.8})
    assert history(tracker, run_id, "train/loss") == [(1, 0.9), (2, 0.8)]


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
        curves.close({"val_macro_f1": 0.5}, "FINISHED")
    assert tracker.client.get_run(run_id).info.status == "RUNNING"
    assert tracker.resume(files_of(tmp_path, run_id)) != run_id


class InterruptedTracker(Tracker):
    """Ctrl-C comes while a point is on its way."""

    def log(self, run_id: str, values: dict[str, float], step: int = 0, at: int | None = None) -> None:
        signal.raise_signal(signal.SIGINT)
        super().log(run_id, values, step, at)


def test_ctrl_c_waits_until_a_point_is_sent(tracker: Tracker) -> None:
    run_id = start(tracker)
    curves = CurveLog(InterruptedTracker(tracker.client, tracker.experiment_id, tracker.uri), run_id)
    handler = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        curves("train", 1, {"loss": 0.9})
    assert signal.getsignal(signal.SIGINT) is handler
    assert history(tracker, run_id, "train/loss") == [(1, 0.9)]
    curves.close({}, "KILLED")
    assert tracker.client.get_run(run_id).info.status == "KILLED"
