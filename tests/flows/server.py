"""A real Prefect server with MLflow and a worker, as `make up` starts them, and the few questions that tests ask it."""

import os
import re
import shlex
import socket
import sqlite3
import ssl
import subprocess
import time
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import httpx

from tests.pipeline.workspaces import BIN, REPOSITORY, Sandbox

TLS = ssl.create_default_context()  # made once: httpx would read all certificates for each question, for 40 ms
ENDED = {"COMPLETED", "FAILED", "CRASHED", "CANCELLED"}


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


class Typed(NamedTuple):
    """The lines about Prefect in the README, in its order, without their remarks."""

    up: str
    deploy: str
    finetune: str
    promote: str
    down: str

    @classmethod
    def read(cls) -> "Typed":
        text = (REPOSITORY / "README.md").read_text(encoding="utf-8")
        own = text[text.index("## Scheduled, triggered and remote runs") : text.index("## Documentation")]
        return cls(*(line.partition("#")[0].strip() for line in re.findall(r"^\$ (.+)$", own, re.MULTILINE)))


README = Typed.read()


@dataclass(frozen=True)
class Team:
    """A repository with servers and a worker of its own."""

    sandbox: Sandbox
    environment: dict[str, str]

    @property
    def api(self) -> str:
        return f"http://127.0.0.1:{self.environment['FINETRAIL_PREFECT_PORT']}/api"

    def command(self, *command: str) -> str:
        """Run a program in the repository as a person does; returns what it printed."""
        done = subprocess.run(
            command, cwd=self.sandbox.root, env=self.environment, capture_output=True, text=True, timeout=300
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def type(self, line: str) -> str:
        """Run a line of the README; returns what it printed. Of a target of make, what the Makefile has for it."""
        words = shlex.split(line)
        if words[0] == "make":
            makefile = (REPOSITORY / "Makefile").read_text(encoding="utf-8")
            words = shlex.split(re.findall(rf"^{words[1]}:.*\n\t(.+)$", makefile, re.MULTILINE)[0])
        return self.command(*words)

    def up(self) -> None:
        """Start what does not run."""
        self.type(README.up)

    def ask(self, path: str, items: list[Any] | None = None, method: str | None = None, **body: Any) -> Any:
        """Ask the server's API: by POST, or by GET if there is nothing to say."""
        says = items or body
        answer = httpx.request(
            method or ("POST" if says else "GET"), f"{self.api}/{path}", json=says or None, timeout=60, verify=TLS
        )
        answer.raise_for_status()
        return answer.json() if answer.content else None

    def start(self, deployment: str = "finetune/finetune", **parameters: Any) -> str:
        """Trigger a deployment; returns the flow run's id."""
        found = self.ask(f"deployments/name/{deployment}")
        created = self.ask(
            f"deployments/{found['id']}/create_flow_run", parameters=parameters, state={"type": "SCHEDULED"}
        )
        return str(created["id"])

    def start_by(self, line: str) -> str:
        """Trigger a deployment as the README does; returns the flow run's id."""
        return str(re.findall(r"UUID: (\S+)", self.type(line))[0])

    def state(self, run: str) -> dict[str, Any]:
        state: dict[str, Any] = self.ask(f"flow_runs/{run}")["state"]
        return state

    def wait(self, run: str, seconds: float = 300) -> dict[str, Any]:
        """Until a flow run has ended; returns its state."""
        end = time.monotonic() + seconds
        while (state := self.state(run))["type"] not in ENDED:
            assert time.monotonic() < end, (state, self.logs(run)[-20:])
            time.sleep(1)
        return state

    def tasks(self, run: str) -> list[dict[str, Any]]:
        """The task runs of a flow run, in order."""
        found = self.ask("task_runs/filter", task_runs={"flow_run_id": {"any_": [run]}}, sort="EXPECTED_START_TIME_ASC")
        return sorted(found, key=lambda one: str(one["start_time"]))

    def states(self, run: str) -> dict[str, str]:
        """The name of the state of each task, by the task's name, in order."""
        return {one["name"]: one["state"]["name"] for one in self.tasks(run) if one["state"]}  # one just made has none

    def logs(self, run: str) -> list[str]:
        found: list[str] = []
        while True:
            page = self.ask(
                "logs/filter", logs={"flow_run_id": {"any_": [run]}}, limit=200, offset=len(found), sort="TIMESTAMP_ASC"
            )
            found += [one["message"] for one in page]
            if len(page) < 200:
                return found

    def runs(self, deployment: str) -> list[dict[str, Any]]:
        """The runs of a deployment, oldest first."""
        named = {"name": {"any_": [deployment]}}
        return list(self.ask("flow_runs/filter", deployments=named, sort="START_TIME_ASC", limit=200))

    def children(self, run: str) -> dict[str, dict[str, str]]:
        """The runs that a run started: id and state, by name."""
        found = self.ask("flow_runs/filter", flow_runs={"parent_flow_run_id": {"any_": [run]}})
        return {one["name"]: {"id": one["id"], "state": one["state"]["type"]} for one in found}

    def count(self, table: str) -> int:
        """The rows of a table in MLflow's database."""
        return int(self.rows(f"SELECT count(*) FROM {table}")[0][0])  # noqa: S608  (our own names)

    def versions(self) -> int:
        """The versions of the registered model, without the entries of its ledger."""
        return int(self.rows("SELECT count(*) FROM model_versions WHERE name = 'toy'")[0][0])

    def rows(self, question: str) -> list[tuple[Any, ...]]:
        """Ask MLflow's database itself."""
        with closing(
            sqlite3.connect(self.sandbox.root / ".finetrail" / "mlflow" / "mlflow.db", timeout=20)
        ) as database:
            return list(database.execute(question))

    def branch(self, name: str, **edits: Any) -> None:
        """Commit other settings as a branch. Args: edits: by dotted path, with `__` for a dot."""
        self.sandbox.must("git", "checkout", "--quiet", "-b", name, "main")
        for path, value in edits.items():
            self.sandbox.edit(path.replace("__", "."), value)
        self.sandbox.must("git", "commit", "--quiet", "--all", "--message", name)
        self.sandbox.must("git", "checkout", "--quiet", "main")

    def artifacts(self, run: str) -> dict[str, str]:
        """What a flow run left, by key."""
        found = self.ask("artifacts/filter", artifacts={"flow_run_id": {"any_": [run]}})
        return {one["key"]: one["data"] for one in found}


def wait_to_hear(told: list[str], words: str, seconds: float = 60) -> str:
    """Until the webhook has heard something with these words; returns it."""
    end = time.monotonic() + seconds
    while not (found := [said for said in told if words in said]):
        assert time.monotonic() < end, told
        time.sleep(0.5)
    return found[0]


def found_team(root: Path, sandbox: Sandbox) -> Team:
    """Commit the flows to a repository, start the servers for it, and make its deployments known."""
    import shutil

    for name in ("flows", "recipes"):
        shutil.copytree(REPOSITORY / name, sandbox.root / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("prefect.yaml", "prefect.toml", "automations.yaml"):
        shutil.copyfile(REPOSITORY / name, sandbox.root / name)
    sandbox.must("git", "add", "--all")
    sandbox.must("git", "commit", "--quiet", "--message", "flows")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PREFECT", "MLFLOW"))}
    environment |= {
        "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(sandbox.root / "src"),
        "FINETRAIL_PREFECT_PORT": str(free_port()),
        "FINETRAIL_MLFLOW_PORT": str(free_port()),
        "PREFECT_HOME": str(root / "prefect"),
        "FINETRAIL_DVC_REMOTE": str(root / "remote"),
    }
    team = Team(sandbox, environment)
    team.up()
    team.type(README.deploy)
    return team
