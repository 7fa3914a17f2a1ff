"""Errors of MLflow and of its database: the cause in full, one line, and the remedy works when tried."""

import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from finetrail.errors import TrackingError
from finetrail.runs.tracking import Tracker, connect
from finetrail.workspace import Workspace
from tests.pipeline.workspaces import BIN


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tracker: Tracker) -> str:
    """The address of a database of this test's own, with one experiment."""
    uri = f"sqlite:///{tmp_path}/mlflow.db"
    before, own = tracker.uri.removeprefix("sqlite:///"), tmp_path / "mlflow.db"
    with closing(sqlite3.connect(before)) as there, closing(sqlite3.connect(own)) as here:
        there.backup(here)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    connect(Workspace(tmp_path), "own")
    return uri


def said(folder: Path) -> str:
    with pytest.raises(TrackingError) as caught:
        connect(Workspace(folder), "own").start("one", {}, {}, [])
    message = str(caught.value)
    assert "\n" not in message
    assert "[SQL:" not in message
    return message


def said_anew(folder: Path) -> str:
    """In a process that has not opened the database before: MLflow looks at its version once."""
    program = "from finetrail.runs.tracking import connect; from finetrail.workspace import Workspace; import pathlib\n"
    program += "connect(Workspace(pathlib.Path.cwd()), 'own')"
    done = subprocess.run([sys.executable, "-c", program], cwd=folder, capture_output=True, text=True, check=False)
    return done.stderr.splitlines()[-1].removeprefix("finetrail.errors.TrackingError: ")


def execute(folder: Path, statement: str) -> None:
    with closing(sqlite3.connect(folder / "mlflow.db")) as database, database:
        database.execute(statement)


@pytest.mark.slow
def test_a_deleted_experiment_is_restored_as_the_error_says(own: str, tmp_path: Path) -> None:
    tracker = connect(Workspace(tmp_path), "own")
    tracker.client.delete_experiment(tracker.experiment_id)
    message = said(tmp_path)
    remedy = f"restore it: MLFLOW_TRACKING_URI={own} mlflow experiments restore --experiment-id {tracker.experiment_id}"
    assert message.endswith(f"; {remedy}")
    setting, program, *arguments = message.partition("restore it: ")[2].split()
    environment = os.environ | dict([setting.split("=", 1)])
    subprocess.run([str(BIN / program), *arguments], env=environment, check=True, capture_output=True)
    connect(Workspace(tmp_path), "own").start("one", {}, {}, [])


@pytest.mark.slow
def test_a_database_of_an_earlier_mlflow(own: str, tmp_path: Path) -> None:
    execute(tmp_path, "UPDATE alembic_version SET version_num = 'cc1f77228345'")
    assert said_anew(tmp_path).endswith(f"); copy the database, then: mlflow db upgrade {own}")


@pytest.mark.slow
def test_a_database_of_a_later_mlflow(own: str, tmp_path: Path) -> None:
    execute(tmp_path, "UPDATE alembic_version SET version_num = 'ffffffffffff'")
    message = said_anew(tmp_path)
    assert "found version ffffffffffff" in message
    assert message.endswith("); a newer MLflow wrote it: install that version, or name another database")


def test_what_is_no_database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "mlflow.db").write_text("this is no database " * 100)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path}/mlflow.db")
    message = said(tmp_path)
    assert "file is not a database" in message
    assert message.endswith("); restore the file from a backup, or name another database")


def test_a_folder_in_place_of_a_database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path}")
    message = said(tmp_path)
    assert "unable to open database file" in message
    assert message.endswith("); make its folder and the file writable for this user")


def test_a_server_that_is_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    message = said(tmp_path)
    assert "Connection refused" in message
    assert message.endswith("); start it, or correct MLFLOW_TRACKING_URI")
