"""`make up` and `make down`: Prefect's server, MLflow's server and two workers, on loopback, for one checkout.

    python -m flows.servers up
    python -m flows.servers down

Their files are in `.finetrail/`; `.env` tells Prefect's commands in this folder which server they mean.
"""

import os
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import httpx
import psutil
import typer

from finetrail.cli.console import one_line_errors, out
from finetrail.config import load_params
from finetrail.errors import WorkspaceError
from finetrail.runs.tracking import connect
from finetrail.workspace import Workspace, read_json, write_json
from flows.places import CHECKOUT

HOST = "127.0.0.1"
PREFECT_PORT = int(os.environ.get("FINETRAIL_PREFECT_PORT", "4200"))
MLFLOW_PORT = int(os.environ.get("FINETRAIL_MLFLOW_PORT", "5000"))
PREFECT, MLFLOW = f"http://{HOST}:{PREFECT_PORT}", f"http://{HOST}:{MLFLOW_PORT}"
POOL = "finetrail"
_FOLDER = CHECKOUT / ".finetrail" / "servers"
_ENV = CHECKOUT / ".env"
_STARTS = 180.0
"""Seconds that a server may take to answer; the first start creates its database."""
_ENDS = 15.0

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@dataclass(frozen=True)
class Server:
    """A program that stays. Attributes: answers: an address that answers once it is ready; None for a worker."""

    name: str
    command: list[str]
    answers: str | None


def _servers(database: str) -> list[Server]:
    python = sys.executable
    mlflow = ["-m", "mlflow", "server", "--host", HOST, "--port", str(MLFLOW_PORT), "--workers", "1"]
    worker = [python, "-m", "prefect", "worker", "start", "--pool", POOL, "--type", "process", "--work-queue"]
    return [
        Server("prefect", [python, "-m", "flows.sqlite_server", "server", "start"], f"{PREFECT}/api/health"),
        Server("mlflow", [python, *mlflow, "--backend-store-uri", database], f"{MLFLOW}/health"),
        Server("worker", [*worker, "default", "--name", f"{POOL}-1"], None),
        # A worker of its own, so that runs waiting for trainings never take their slot; one, because two take longer.
        Server("trainer", [*worker, "train", "--name", f"{POOL}-train-1", "--limit", "1"], None),
    ]


@app.command()
@one_line_errors
def up() -> None:
    """Start what is not running yet, and print the addresses."""
    _FOLDER.mkdir(parents=True, exist_ok=True)
    workspace = Workspace(CHECKOUT)
    os.environ.pop("MLFLOW_TRACKING_URI", None)
    database = connect(workspace, load_params(workspace.params).project).uri
    environment = os.environ | _environment()
    for server in _servers(database):
        if _running(server.name) is None:
            _start(server, environment)
        out.print(
            f"{server.name:<8} {server.answers.rpartition('/')[0].removesuffix('/api') if server.answers else POOL}"
        )
    _automate(environment)
    _ENV.write_text(f"{_MARK}\nPREFECT_API_URL={PREFECT}/api\n", encoding="utf-8")
    out.print("next: prefect deploy --all, then prefect deployment run finetune/finetune, or the Run button there")


@app.command()
@one_line_errors
def down() -> None:
    """End them, the worker first."""
    for name in ("trainer", "worker", "mlflow", "prefect"):
        if stop(name):
            out.print(f"{name} has ended")
    if _ENV.exists() and _ENV.read_text(encoding="utf-8").startswith(_MARK):
        _ENV.unlink()


def stop(name: str) -> bool:
    """End a server or worker; returns whether it ran."""
    process = _running(name)
    if process is not None:
        _end(process)
    _record(name).unlink(missing_ok=True)
    return process is not None


_MARK = "# Written by `make up`, removed by `make down`."


def _automate(environment: Mapping[str, str]) -> None:
    """Make automations.yaml known to the server."""
    command = [sys.executable, "-m", "flows.automations"]
    done = subprocess.run(command, cwd=CHECKOUT, env=dict(environment), capture_output=True, text=True)
    if done.returncode:
        raise WorkspaceError(f"Prefect refused automations.yaml ({done.stderr[-300:]}); correct it")


def _environment() -> dict[str, str]:
    return {
        "PREFECT_HOME": str(CHECKOUT / ".finetrail" / "prefect"),
        "PREFECT_API_URL": f"{PREFECT}/api",
        "PREFECT_SERVER_API_HOST": HOST,
        "PREFECT_SERVER_API_PORT": str(PREFECT_PORT),
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "DO_NOT_TRACK": "1",
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
        "MLFLOW_TRACKING_URI": MLFLOW,
        "FINETRAIL_CHECKOUT": str(CHECKOUT),
    }


def _start(server: Server, environment: Mapping[str, str]) -> None:
    log = _FOLDER / f"{server.name}.log"
    with log.open("ab") as file:
        process = subprocess.Popen(
            server.command,
            cwd=CHECKOUT,
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=file,
            start_new_session=True,
        )
    write_json(_record(server.name), {"pid": process.pid, "started": psutil.Process(process.pid).create_time()})
    until = time.monotonic() + _STARTS
    while server.answers and not _answers(server.answers):
        if process.poll() is not None or time.monotonic() > until:
            last = " ".join(log.read_text(encoding="utf-8", errors="replace").split()[-40:])
            raise WorkspaceError(f"{server.name} does not answer at {server.answers} ({last}); see {log}")
        time.sleep(0.3)


def _answers(address: str) -> bool:
    try:
        return httpx.get(address, timeout=5).is_success
    except httpx.HTTPError:
        return False


def _running(name: str) -> psutil.Process | None:
    """The process of that name, if it is still the one that was started."""
    record = _record(name)
    if not record.exists():
        return None
    known = read_json(record)
    try:
        process = psutil.Process(known["pid"])
        alive = process.create_time() == known["started"] and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return None
    return process if alive else None


def _end(process: psutil.Process) -> None:
    """Ask it to end, and kill what is left of it and its children."""
    family = [process, *process.children(recursive=True)]
    process.terminate()
    _, left = psutil.wait_procs(family, timeout=_ENDS)
    for one in left:
        one.kill()


def _record(name: str) -> Path:
    return _FOLDER / f"{name}.json"


if __name__ == "__main__":
    app()
