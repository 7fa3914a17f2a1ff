"""`finetrail ui`: MLflow's own pages over the workspace's runs, on loopback."""

import os
import sys
import time
from collections.abc import Callable
from threading import Thread

from finetrail.errors import ConfigError, WorkspaceError
from finetrail.programs.ports import HOST, answers, refuse_busy
from finetrail.programs.run import run
from finetrail.runs.tracking import connect, tracking_uri
from finetrail.workspace import Workspace


def ui(workspace: Workspace, project: str, port: int, ready: Callable[[str], None]) -> None:
    """Run MLflow's server until somebody ends it. It answers on 127.0.0.1 only, and runs no jobs of its own.

    Args:
        ready: hears the server's address as soon as it answers there.

    Raises:
        ConfigError: the runs are on a server already, or the port is in use.
        WorkspaceError: the server ended by itself.
    """
    if tracking_uri(workspace).startswith("http"):
        raise ConfigError(
            "MLFLOW_TRACKING_URI names a server, which has its own pages; open its address, or unset the variable"
        )
    refuse_busy(port, "finetrail ui --port {port}")
    tracker = connect(workspace, project)
    command = [sys.executable, "-m", "mlflow", "server", "--host", HOST, "--port", str(port), "--workers", "1"]
    environment = {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"} | dict(os.environ)
    Thread(target=_tell, args=(f"http://{HOST}:{port}", ready), daemon=True).start()
    ended = run([*command, "--backend-store-uri", tracker.uri], workspace.root, environment)
    last = " ".join(ended.lines[-3:])
    raise WorkspaceError(f"MLflow's server ended with {ended.code} ({last}); run `finetrail ui` again")


def _tell(address: str, ready: Callable[[str], None]) -> None:
    while not answers(f"{address}/health"):
        time.sleep(0.2)
    ready(address)
