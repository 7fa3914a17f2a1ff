"""`finetrail ui` serves the workspace's own runs only."""

from pathlib import Path

import pytest

from finetrail.commands.ui import ui
from finetrail.errors import ConfigError
from finetrail.workspace import Workspace


def test_runs_on_a_server_have_their_own_pages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "https://mlflow.example.org")
    with pytest.raises(ConfigError, match="MLFLOW_TRACKING_URI names a server, which has its own pages; open its add"):
        ui(Workspace(tmp_path), "demo", 5000, lambda _: None)
