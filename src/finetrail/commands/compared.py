"""The page of MLflow that compares the training runs of a workspace."""

import json
from urllib.parse import quote

from finetrail.runs.tracking import connect, tracking_uri
from finetrail.workspace import Workspace


def compared_runs(workspace: Workspace, project: str, port: int = 5000) -> str | None:
    """The address of the page; None where no candidate has been trained.

    Args:
        port: of `finetrail ui`; not used where the runs are on a server.
    """
    trained = [workspace.run(folder.name) for folder in sorted(workspace.runs.glob("*/"))]
    known = [paths for paths in trained if paths.record.exists()]
    if not known:
        return None
    tracker = connect(workspace, project)
    runs = quote(json.dumps([tracker.resume(paths) for paths in known], separators=(",", ":")))
    experiments = quote(json.dumps([tracker.experiment_id]))
    uri = tracking_uri(workspace)
    base = uri.rstrip("/") if uri.startswith("http") else f"http://127.0.0.1:{port}"
    return f"{base}/#/compare-runs?runs={runs}&experiments={experiments}"
