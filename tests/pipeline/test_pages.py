"""The pages that a person looks at, opened in a real browser."""

import json
import urllib.parse
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.browser import browse, colours
from tests.pipeline.servers import running
from tests.pipeline.workspaces import BIN, CANDIDATES, Sandbox


def test_the_report_opens_with_its_figures(finished: Sandbox, chromium: str, tmp_path: Path) -> None:
    page = finished.paths.test_report / "report.html"
    document, image = browse(chromium, page.as_uri(), tmp_path)
    accuracy = json.loads((finished.paths.test_report / "metrics.json").read_text())["test"]["accuracy"]
    assert f"{accuracy:.3f}" in document
    assert document.count("<svg") >= 4
    assert colours(image) > 100


def test_the_data_docs_open_and_are_styled(finished: Sandbox, chromium: str, tmp_path: Path) -> None:
    page = finished.paths.validation / "data_docs" / "index.html"
    document, image = browse(chromium, page.as_uri(), tmp_path)
    for rule in ("missing_text", "conflicting_label", "duplicate", "class_balance"):
        assert rule in document
    assert colours(image) > 100


@pytest.fixture
def mlflow_ui(finished: Sandbox, tmp_path: Path) -> Iterator[str]:
    """`finetrail ui` over the finished workspace, until the test is over."""
    command = f"{BIN / 'finetrail'} ui --port {{port}}"
    with running(command, "/health", folder=finished.root, log=tmp_path / "server.log") as address:
        yield address


def test_mlflow_compares_the_candidates(finished: Sandbox, mlflow_ui: str, chromium: str, tmp_path: Path) -> None:
    runs = [json.loads(finished.paths.run(name).record.read_text())["run_id"] for name in CANDIDATES]
    query = urllib.parse.urlencode({"runs": json.dumps(runs), "experiments": json.dumps(["1"])})
    document, _ = browse(chromium, f"{mlflow_ui}/#/compare-runs?{query}", tmp_path, wait_ms=30_000)
    for name in (*CANDIDATES, "best_val_accuracy", "adaptation.method"):
        assert name in document
    document, _ = browse(chromium, f"{mlflow_ui}/#/experiments/1/runs/{runs[0]}", tmp_path, wait_ms=30_000)
    assert "has the highest validation macro F1" in document  # the description says which was chosen, and why
