"""The page of MLflow that compares the training runs of a workspace."""

import json
from urllib.parse import quote

from finetrail.redaction import without_secrets
from finetrail.runs.tracking import connect
from finetrail.workspace import Workspace


def compared_runs(workspace: Workspace, project: str, port: int = 5000) -> str | None:
    """The address of the page; None where no candidate has been trained.

    Args:
        port: of `finetrail ui`; not used where the runs are on a server.

    Raises:
        TrackingError: the server or database does not answer.
    """
    trained = [workspace.run(folder.name) for folder in sorted(workspace.runs.glob("*/"))]
    known = [paths for paths in trained if paths.record.exists()]
    if not known:
        return None
    tracker = connect(workspace, project)
    runs, experiments = _json([tracker.resume(paths) for paths in known]), _json([tracker.experiment_id])
    return f"{pages_at(tracker.uri, port)}/#/compare-runs?runs={runs}&experiments={experiments}"


def pages_at(uri: str, port: int) -> str:
    """The address of the pages for a server or a database, without its password."""
    return without_secrets(uri).rstrip("/") if uri.startswith("http") else f"http://127.0.0.1:{port}"


def _json(value: list[str]) -> str:
    return quote(json.dumps(value, separators=(",", ":")))
