"""`finetrail ui`: MLflow's own pages over the workspace's runs, on loopback."""

import os
import sys

from finetrail.errors import ConfigError
from finetrail.runs.tracking import connect, tracking_uri
from finetrail.workspace import Workspace


def ui(workspace: Workspace, project: str, port: int) -> None:
    """Replace this process by MLflow's server. It answers on 127.0.0.1 only, and runs no jobs of its own.

    Raises:
        ConfigError: the runs are on a server already.
    """
    if tracking_uri(workspace).startswith("http"):
        raise ConfigError(
            "MLFLOW_TRACKING_URI names a server, which has its own pages; open its address, or unset the variable"
        )
    tracker = connect(workspace, project)
    os.environ.setdefault("MLFLOW_SERVER_ENABLE_JOB_EXECUTION", "false")
    command = [sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(port)]
    os.execv(sys.executable, [*command, "--workers", "1", "--backend-store-uri", tracker.uri])  # noqa: S606
