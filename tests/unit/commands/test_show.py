"""`finetrail show`: what the pipeline found, on one screen, with MLflow or without."""

import io
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from finetrail.commands.show import show
from finetrail.errors import WorkspaceError
from finetrail.evaluation.selection import Choice, Standing
from finetrail.registry.ledger import Ledger
from finetrail.runs.record import write_record
from finetrail.runs.tracking import Tracker
from finetrail.targets.classes import METRICS
from finetrail.workspace import Workspace, write_json
from tests.unit.recorded import RECORD, files_of, start

FULL = Standing("full", 0.9126, 0.85, 0.95, 0.0, 0.0, 0.0, 22_713_216, 22_713_216)
PROBE = Standing("probe", 0.9, 0.84, 0.94, 0.0126, -0.01, 0.03, 770, 22_713_216)
SCORES = {"accuracy": 0.875, "macro_precision": 0.8, "macro_recall": 0.7, "macro_f1": 0.74996}


@pytest.fixture
def finished(tracker: Tracker, tmp_path: Path) -> tuple[Workspace, str]:
    """A workspace whose pipeline has run to its end, and its project."""
    workspace = Workspace(tmp_path)
    choice = Choice("probe", "macro_f1", "`probe` trains fewer [of them].", (FULL, PROBE), 1000, 0.95)
    write_json(workspace.selection_report, choice.as_json())
    write_json(workspace.test_details, {"test": SCORES})
    project = str(tracker.client.get_experiment(tracker.experiment_id).name)
    if "/" not in project:  # of a test with parameters; a model may have no such name
        Ledger(tracker, project, "Ada").enter(
            "registration", model="f", facts={"lineage_sha256": "s", "source": "file:///nowhere"}
        )
        tags = {"finetrail.fingerprint": "f", "finetrail.lineage_sha256": "s"}
        tracker.client.create_model_version(project, "file:///nowhere", tags=tags)
    registration = {"name": project, "version": 3, "alias": "challenger", "fingerprint": "f", "candidate": "probe"}
    write_json(workspace.registration, registration)
    for name, seconds in (("full", 61.4), ("probe", 2.6)):
        run_id = start(tracker)
        tracker.end(run_id)
        paths = files_of(tmp_path / "data", run_id, name)
        measured = {"seconds": seconds, "samples_per_second": 51.4}
        write_record(replace(RECORD, run_id=run_id, measured=measured), paths.record)
    return workspace, project


def shown(workspace: Workspace, project: str) -> list[str]:
    page = io.StringIO()
    console = Console(width=400, file=page)
    for part in show(workspace, project, METRICS):
        console.print(part)
    return [line.rstrip() for line in page.getvalue().splitlines()]


def test_the_candidates_the_choice_the_scores_and_the_version(finished: tuple[Workspace, str]) -> None:
    _, project = finished
    title, full, probe, *lines = shown(*finished)
    assert title.split("  ")[0] == "candidate"
    assert "validation macro F1" in title
    assert full.split() == ["full", "0.913", "0.850", "to", "0.950", "22,713,216", "61", "51"]
    assert probe.split()[:3] == ["probe", "*", "0.900"]
    own = f"models:/{project}/1"
    assert lines[:4] == [
        "`probe` trains fewer [of them].",
        "test, scored once: accuracy 0.875, macro precision 0.800, macro recall 0.700, macro F1 0.750",
        f"registered: {own}, alias challenger; challenger follows this workspace: {own} (before: none)",
        "report: data/reports/test/report.html",
    ]


def test_the_metric_stands_at_every_place_where_it_was_computed(
    finished: tuple[Workspace, str], tracker: Tracker
) -> None:
    same = "macro F1 on 256 validation rows: trained 0.913, reloaded 0.913, registered 0.913, served 0.913"
    assert same not in shown(*finished)
    tracker.client.set_model_version_tag(finished[1], "1", "finetrail.same_number", same)
    lines = shown(*finished)
    assert lines[lines.index(same) - 1].startswith("registered: ")


def test_the_page_that_compares_all_candidates_is_named(finished: tuple[Workspace, str], tracker: Tracker) -> None:
    last = shown(*finished)[-1]
    assert last.startswith("all candidates side by side, while `make ui` runs: http://127.0.0.1:5000/#/compare-runs?")
    for run in tracker.client.search_runs([tracker.experiment_id]):
        assert run.info.run_id in last


def test_without_mlflow_all_is_shown_that_stands_in_files(
    finished: tuple[Workspace, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with_mlflow = shown(*finished)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    without = shown(*finished)
    own = f"registered: models:/{finished[1]}"
    # The error is the last line, and longer than the console is wide.
    last = next(number for number, line in enumerate(without) if line.startswith("all candidates"))
    told = [[line for line in lines[:last] if not line.startswith(own)] for lines in (with_mlflow, without)]
    assert told[0] == told[1]
    assert f"{own}/3, as data/registration.json says" in without
    assert "MLflow at http://127.0.0.1:9 does not answer as it should" in without[last]


@pytest.mark.parametrize(
    ("missing", "stage"),
    [("selection/selection.json", "select"), ("reports/test/details.json", "test"), ("registration.json", "register")],
)
def test_what_is_not_there_yet_is_told_with_its_stage(
    finished: tuple[Workspace, str], missing: str, stage: str
) -> None:
    (finished[0].root / "data" / missing).unlink()
    with pytest.raises(WorkspaceError, match=rf"does not exist: it is written by `{stage}`; run `dvc repro`"):
        shown(*finished)
