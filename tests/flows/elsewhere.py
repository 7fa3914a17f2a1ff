"""A worker of another machine, which shares nothing with the first but git, MLflow and the DVC remote."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.flows.server import Team

QUEUE = ("--pool", "finetrail", "--work-queue", "train", "--limit", "1", "--name", "elsewhere")


@contextmanager
def worker_elsewhere(team: Team, home: Path) -> Iterator[None]:
    """Start it, with a folder and a DVC cache of its own, and end it."""
    own = {
        "FINETRAIL_REPOSITORY": str(team.sandbox.root),
        "FINETRAIL_CHECKOUT": str(team.sandbox.root),
        "FINETRAIL_HOME": str(home),
        "FINETRAIL_DVC_CACHE": str(home / "cache"),
        "PREFECT_API_URL": team.api,
        "MLFLOW_TRACKING_URI": f"http://127.0.0.1:{team.environment['FINETRAIL_MLFLOW_PORT']}",
    }
    with (home / "worker.log").open("wb") as log:
        worker = subprocess.Popen(
            [sys.executable, "-m", "prefect", "worker", "start", *QUEUE],
            cwd=team.sandbox.root,
            env=team.environment | own,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
        try:
            yield
        finally:
            worker.send_signal(signal.SIGTERM)
            try:
                worker.wait(20)
            except subprocess.TimeoutExpired:
                worker.kill()
                worker.wait()
