"""One repository with servers and a worker for all tests of flows."""

import json
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import toy_rows, write_csv
from tests.flows.server import Team, found_team
from tests.pipeline.workspaces import CSV, PARAMS, WEIGHTS, lay_out, track


@pytest.fixture(scope="session")
def team(tiny_bert: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Team]:
    """`make up` and `prefect deploy --all` in a repository with toy data."""
    csv = write_csv(tmp_path_factory.mktemp("source") / "toy.csv", toy_rows())
    root = tmp_path_factory.mktemp("team")
    (root / "repository").mkdir()
    sandbox = lay_out(root / "repository", PARAMS, {CSV: csv, WEIGHTS: tiny_bert})
    track(sandbox, CSV, WEIGHTS)
    made = found_team(root, sandbox)
    yield made
    made.command(sys.executable, "-m", "flows.servers", "down")


@pytest.fixture(scope="session")
def first(team: Team) -> str:
    """The first run of the deployment."""
    run = team.start()
    state = team.wait(run, 600)
    assert state["type"] == "COMPLETED", (state, team.logs(run)[-30:])
    return run


@pytest.fixture(scope="session")
def told(team: Team) -> Iterator[list[str]]:
    """What the server posts to a webhook."""
    found: list[str] = []

    class Receiver(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            found.append(json.loads(self.rfile.read(int(self.headers["Content-Length"])))["text"])
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            """Quiet."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Receiver) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{server.server_port}/secret-of-the-hook"
        for _ in range(2):  # the second replaces the first
            team.command(sys.executable, "-m", "flows.notices", address)
        yield found
        server.shutdown()
