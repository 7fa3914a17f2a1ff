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

import psutil
import typer

from finetrail.cli.console import one_line_errors, out
from finetrail.config import load_params
from finetrail.errors import WorkspaceError
from finetrail.programs.ports import HOST, answers, listens, refuse_busy
from finetrail.runs.tracking import connect
from finetrail.workspace import Workspace, read_json, write_json
from flows.places import CHECKOUT

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
    """A program that stays.

    Attributes:
        port: None for a worker.
        health: the path that answers once it is ready.
    """

    name: str
    command: list[str]
    port: int | None = None
    health: str = ""

    @property
    def address(self) -> str:
        return f"http://{HOST}:{self.port}"


def _servers(database: str) -> list[Server]:
    python = sys.executable
    mlflow = ["-m", "mlflow", "server", "--host", HOST, "--port", str(MLFLOW_PORT), "--workers", "1"]
    worker = [python, "-m", "prefect", "worker", "start", "--pool", POOL, "--type", "process", "--work-queue"]
    return [
        Server("prefect", [python, "-m", "flows.sqlite_server", "server", "start"], PREFECT_PORT, "/api/health"),
        Server("mlflow", [python, *mlflow, "--backend-store-uri", database], MLFLOW_PORT, "/health"),
        Server("worker", [*worker, "default", "--name", f"{POOL}-1"]),
        # A worker of its own, so that runs waiting for trainings never take their slot; one, because two take longer.
        Server("trainer", [*worker, "train", "--name", f"{POOL}-train-1", "--limit", "1"]),
    ]


@app.command()
@one_line_errors
def up() -> None:
    """Start what is not running yet, and print the addresses.

    Before anything starts, a port that another program has is refused: its server would answer in place of this
    checkout's, and workers would take its runs.
    """
    _FOLDER.mkdir(parents=True, exist_ok=True)
    workspace = Workspace(CHECKOUT)
    os.environ.pop("MLFLOW_TRACKING_URI", None)
    database = connect(workspace, load_params(workspace.params).project).uri
    environment = os.environ | _environment()
    servers = _servers(database)
    missing = [server for server in servers if _running(server.name) is None]
    for server in missing:
        if server.port is not None:
            refuse_busy(server.port, f"FINETRAIL_{server.name.upper()}_PORT={{port}} make up")
    for server in servers:
        if server in missing:
            _start(server, environment)
        out.print(f"{server.name:<8} {server.address if server.port else POOL}")
    _make_known("pool", "process", environment=environment)
    _make_known("automations", environment=environment)
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


def _make_known(*command: str, environment: Mapping[str, str]) -> None:
    """Run a module of flows that tells the server what it has to know; a process, for Prefect reads the environment."""
    words = [sys.executable, "-m", f"flows.{command[0]}", *command[1:]]
    done = subprocess.run(words, cwd=CHECKOUT, env=dict(environment), capture_output=True, text=True)
    if done.returncode:
        raise WorkspaceError(
            f"`python {' '.join(words[1:])}` failed ({done.stderr[-300:]}); correct that, and run `make up` again"
        )


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
    while server.port and not (answers(server.address + server.health) and listens(process.pid, server.port)):
        if process.poll() is not None or time.monotonic() > until:
            last = " ".join(log.read_text(encoding="utf-8", errors="replace").split()[-40:])
            raise WorkspaceError(f"{server.name} does not answer at {server.address} ({last}); see {log}")
        time.sleep(0.3)


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
