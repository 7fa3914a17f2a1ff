"""One repository with servers and a worker for all tests of flows.

Its fixtures are the package's, not the session's: a team that nobody asks any more still costs a fifth of a core.
"""

import json
import signal
import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NamedTuple

import psutil
import pytest

from tests.conftest import toy_rows, write_csv
from tests.flows.server import README, Team, found_team
from tests.flows.trainings import branch, server, start_training, wait_until_nothing_trains
from tests.pipeline.workspaces import CSV, PARAMS, WEIGHTS, lay_out, track


@pytest.fixture(scope="package")
def team(tiny_bert: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Team]:
    """`make up` and `prefect deploy --all` in a repository with toy data."""
    csv = write_csv(tmp_path_factory.mktemp("source") / "toy.csv", toy_rows())
    root = tmp_path_factory.mktemp("team")
    (root / "repository").mkdir()
    sandbox = lay_out(root / "repository", PARAMS, {CSV: csv, WEIGHTS: tiny_bert}, fresh=True)
    sandbox.edit("candidates.lora", None)
    track(sandbox, CSV, WEIGHTS)
    made = found_team(root, sandbox)
    yield made
    made.type(README.down)


@pytest.fixture(scope="package")
def first(team: Team) -> str:
    """The first run of the deployment."""
    here = README.finetune.removesuffix(" -p recipe=newsgroups")  # which takes ten minutes
    assert here != README.finetune
    run = team.start_by(here)
    state = team.wait(run, 600)
    assert state["type"] == "COMPLETED", (state, team.logs(run)[-30:])
    return run


@pytest.fixture(scope="package")
def again(team: Team, first: str) -> str:
    """The same once more, started by a schedule."""
    deployment = team.ask("deployments/name/finetune/finetune")["id"]
    often = {"schedule": {"cron": "* * * * * */20", "timezone": "UTC"}, "active": True, "max_scheduled_runs": 1}
    (added,) = team.ask(f"deployments/{deployment}/schedules", [often])
    end = time.monotonic() + 90
    while not (ran := [one for one in team.runs("finetune") if one["auto_scheduled"] and one["start_time"]]):
        assert time.monotonic() < end
        time.sleep(1)
    team.ask(f"deployments/{deployment}/schedules/{added['id']}", method="DELETE")
    for run in team.runs("finetune"):  # the next one, which outlives its schedule
        if run["state"]["type"] == "SCHEDULED":
            team.ask(f"flow_runs/{run['id']}", method="DELETE")
    state = team.wait(ran[0]["id"])
    assert state["type"] == "COMPLETED", (state, team.logs(ran[0]["id"])[-30:])
    return str(ran[0]["id"])


@pytest.fixture(scope="package")
def bad(team: Team, first: str, told: list[str]) -> str:
    """A run with a setting that the data breaks, and someone who hears of it."""
    team.branch("bad", validation__rare_label__min_rows=1000)
    run = team.start(git_ref="bad")
    team.wait(run)
    return run


@pytest.fixture(scope="package")
def killed(team: Team, first: str) -> str:
    """A run whose worker was killed while it trained; what it trains learns nothing."""
    branch(team, "killed", seed=2, learning_rate=1e-9, epochs=10)
    run = start_training(team, "killed", "finetune/finetune")
    worker = server(team, "worker")
    alive = [child for child in worker.children(recursive=True) if child.status() != psutil.STATUS_ZOMBIE]
    flow = [child for child in alive if "prefect" in " ".join(child.cmdline())]
    for process in [worker, *flow]:
        process.send_signal(signal.SIGKILL)
    try:
        wait_until_nothing_trains(team, 20)
    finally:
        team.up()
    return run


class Twice(NamedTuple):
    """Two runs of the same. Attributes: trained: new runs in MLflow; registered: new versions."""

    runs: list[str]
    trained: int
    registered: int


@pytest.fixture(scope="package")
def twice(team: Team, killed: str) -> Twice:
    """The same as the killed run, triggered twice at once."""
    trained, registered = team.count("runs"), team.versions()
    both = [team.start(git_ref="killed") for _ in range(2)]
    states = [team.wait(run) for run in both]
    assert [state["type"] for state in states] == ["COMPLETED"] * 2, [team.logs(run)[-20:] for run in both]
    return Twice(both, team.count("runs") - trained, team.versions() - registered)


@pytest.fixture(scope="package")
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
