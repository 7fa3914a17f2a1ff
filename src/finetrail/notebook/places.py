"""Where a notebook works: a workspace by its folder, and an environment that stays the notebook's own."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from finetrail.workspace import Workspace

MLFLOW = "MLFLOW_TRACKING_URI"


def workspace_at(folder: str | Path = ".") -> Workspace:
    """The workspace in a folder."""
    return Workspace(Path(folder).resolve())


@contextmanager
def own_environment() -> Iterator[None]:
    """Give the variable with MLflow's address back, which one workspace sets and the next would take for the user's."""
    before = os.environ.get(MLFLOW)
    try:
        yield
    finally:
        if before is None:
            os.environ.pop(MLFLOW, None)
        else:
            os.environ[MLFLOW] = before
