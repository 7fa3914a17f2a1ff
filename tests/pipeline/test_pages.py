"""The pages that a person looks at, opened in a real browser."""

import json
import os
import re
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.browser import browse, colours
from tests.pipeline.servers import running
from tests.pipeline.workspaces import BIN, CANDIDATES, Sandbox


def test_the_report_opens_with_its_figures(finished: Sandbox, chromium: str, tmp_path: Path) -> None:
    page = finished.paths.test_report / "report.html"
    document, image = browse(chromium, page.as_uri(), tmp_path)
    accuracy = json.loads((finished.paths.test_details).read_text())["test"]["accuracy"]
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
def mlflow_ui(finished: Sandbox, tmp_path: Path) -> Iterator[tuple[str, str]]:
    """`finetrail ui` over the finished workspace, until the test is over: its address, and what it said."""
    command, log = f"{BIN / 'finetrail'} ui --port {{port}}", tmp_path / "server.log"
    with running(command, "/health", folder=finished.root, log=log) as address:
        deadline = time.monotonic() + 60
        while "all candidates" not in (said := log.read_text(encoding="utf-8")):
            assert time.monotonic() < deadline, said
            time.sleep(0.2)
        yield address, said


def test_a_port_that_is_in_use_is_named_before_anything_is_said(finished: Sandbox) -> None:
    """And the remedy is a free one."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = finished.finetrail("ui", "--port", str(port))
    found = re.fullmatch(
        rf"ConfigError: port {port} is in use by \S+ \(process {os.getpid()}\); end it, or take another port: "
        r"finetrail ui --port (\d+)",
        done.error,
    )
    assert found is not None, done.error
    assert done.out == ""
    with socket.create_server(("127.0.0.1", int(found[1]))):
        pass


def test_mlflow_compares_the_candidates_where_it_says(
    finished: Sandbox, mlflow_ui: tuple[str, str], chromium: str, tmp_path: Path
) -> None:
    address, said = mlflow_ui
    runs = [json.loads(finished.paths.run(name).record.read_text())["run_id"] for name in CANDIDATES]
    (compared,) = re.findall(r"^all candidates side by side: (\S+)$", said, re.MULTILINE)
    assert compared.startswith(f"{address}/#/")
    document, _ = browse(chromium, compared, tmp_path, wait_ms=30_000)
    for name in ("Comparing 2 Runs", *runs, *CANDIDATES, "val/accuracy", "adaptation.method"):
        assert name in document
    document, _ = browse(chromium, f"{address}/#/experiments/1/runs/{runs[0]}", tmp_path, wait_ms=30_000)
    assert "has the highest validation macro F1" in document  # the description says which was chosen, and why
