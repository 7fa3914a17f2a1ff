"""The link that opens MLflow at the runs of a workspace, one beside the other."""

import json
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from finetrail.commands.compared import compared_runs, pages_at
from finetrail.runs.tracking import Tracker
from finetrail.workspace import Workspace
from tests.unit.recorded import files_of, start


def project_of(tracker: Tracker) -> str:
    return str(tracker.client.get_experiment(tracker.experiment_id).name)


def train(tracker: Tracker, workspace: Workspace, candidate: str) -> str:
    """Leave what `train` leaves of a candidate; returns the id of its run."""
    run_id = start(tracker)
    tracker.end(run_id)
    files_of(workspace.root / "data", run_id, candidate)
    return run_id


def test_it_names_every_run_and_the_experiment(tracker: Tracker, tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    runs = [train(tracker, workspace, name) for name in ("full", "lora")]
    (workspace.runs / "begun").mkdir()  # was not trained to its end
    parts = urlsplit(compared_runs(workspace, project_of(tracker), 5001) or "")
    assert (parts.scheme, parts.netloc, parts.path) == ("http", "127.0.0.1:5001", "/")
    route, _, query = parts.fragment.partition("?")
    assert route == "/compare-runs"
    asked = {name: json.loads(value) for name, (value,) in parse_qs(query, strict_parsing=True).items()}
    assert asked == {"runs": runs, "experiments": [tracker.experiment_id]}


def test_a_run_that_mlflow_lost_is_made_again_before_it_is_named(tracker: Tracker, tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    lost = train(tracker, workspace, "full")
    tracker.client.delete_run(lost)
    address = compared_runs(workspace, project_of(tracker)) or ""
    (run,) = tracker.client.search_runs([tracker.experiment_id])
    assert run.data.tags["finetrail.rebuilt_from"] == lost
    assert run.info.run_id in address
    assert lost not in address
    assert compared_runs(workspace, project_of(tracker)) == address


def test_without_a_trained_candidate_there_is_none(tracker: Tracker, tmp_path: Path) -> None:
    assert compared_runs(Workspace(tmp_path), project_of(tracker)) is None


@pytest.mark.parametrize(
    ("uri", "pages"),
    [
        ("sqlite:////home/ada/mlflow.db", "http://127.0.0.1:5001"),
        ("postgresql://ada:s3cret@db/mlflow", "http://127.0.0.1:5001"),
        ("https://mlflow.example.org/", "https://mlflow.example.org"),
        ("http://ann:s3cret@mlflow.example.org:5000/of/us", "http://mlflow.example.org:5000/of/us"),
    ],
)
def test_a_server_has_its_own_pages_and_a_password_is_not_shown(uri: str, pages: str) -> None:
    assert pages_at(uri, 5001) == pages


def test_mlflow_knows_the_page() -> None:
    """The name of its page is MLflow's own, so that an upgrade which renames it fails here."""
    import mlflow.server

    scripts = (Path(mlflow.server.__file__).parent / "js" / "build" / "static" / "js").glob("main.*.js")
    assert any('"/compare-runs"' in script.read_text(encoding="utf-8") for script in scripts)
