"""Overhead of Prefect: `python bench/deployment.py`; gain from a second worker: the same with `--fan-out`.

Clones this repository into a temporary folder with its own servers and worker. Runs the pipeline from scratch,
alternately by `dvc repro` and by the deployment, with the same seeds; then both with nothing to do. With `--fan-out`
the deployment runs alternately with one training worker and with two, each of which has half of the cores.
"""

import argparse
import os
import random
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx

REPOSITORY = Path(__file__).resolve().parent.parent
IDLE = 7
PAIRS = "{:<34}{:>10}{:>10}{:>8}"


def port() -> str:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return str(one.getsockname()[1])


class Site:
    """A clone of the repository with its own servers."""

    def __init__(self, root: Path, recipe: str) -> None:
        self.root, self.recipe = root, recipe
        quiet = {name: value for name, value in os.environ.items() if not name.startswith(("PREFECT", "MLFLOW"))}
        self.environment = quiet | {
            "FINETRAIL_PREFECT_PORT": port(),
            "FINETRAIL_MLFLOW_PORT": port(),
            "PYTHONPATH": str(root / "src"),
            "DVC_NO_ANALYTICS": "1",
        }
        self.api = f"http://127.0.0.1:{self.environment['FINETRAIL_PREFECT_PORT']}/api"
        self.run("git", "clone", "--quiet", str(REPOSITORY), str(root), folder=root.parent)
        self.run("git", "checkout", "--quiet", "-B", "bench")

    def run(self, *command: str, folder: Path | None = None) -> float:
        """Run a program; return its seconds."""
        started = time.perf_counter()
        environment = self.environment | ({"PYTHONPATH": str(folder / "src")} if folder else {})
        subprocess.run(command, cwd=folder or self.root, env=environment, check=True, stdout=subprocess.DEVNULL)
        return time.perf_counter() - started

    def seed(self, number: int) -> str:
        """Commit the recipe with its own seed, so that no earlier result counts as done."""
        text = (self.root / "recipes" / f"{self.recipe}.yaml").read_text(encoding="utf-8")
        lines = [f"seed: {number}" if line.startswith("seed:") else line for line in text.splitlines()]
        (self.root / "params.yaml").write_text("\n".join(lines) + "\n", encoding="utf-8")
        author = ["-c", "user.name=bench", "-c", "user.email=bench@localhost"]
        commit = ["commit", "--quiet", "--all", "--allow-empty", "--message", f"seed {number}"]
        self.run("git", *author, *commit)
        for done in (".dvc/cache", ".dvc/tmp"):
            shutil.rmtree(self.root / done, ignore_errors=True)
        return f"seed {number}"

    def plain(self, folder: Path) -> float:
        """Run `dvc repro` from scratch in its own clone; return its seconds."""
        self.run("git", "clone", "--quiet", str(self.root), str(folder), folder=folder.parent)
        return self.run("dvc", "repro", folder=folder)

    def flow(self, **parameters: Any) -> float:
        """Run the deployment; return the seconds from trigger to end, by the server's clock."""
        found = httpx.get(f"{self.api}/deployments/name/finetune/finetune").raise_for_status().json()["id"]
        body = {"parameters": {"git_ref": "bench"} | parameters, "state": {"type": "SCHEDULED"}}
        address = f"{self.api}/deployments/{found}/create_flow_run"
        run = httpx.post(address, json=body, timeout=30).raise_for_status().json()["id"]
        while True:
            answer = httpx.get(f"{self.api}/flow_runs/{run}", timeout=30)
            known: dict[str, Any] = answer.json() if answer.is_success else {"state": {"type": "busy"}}
            state = known["state"]
            if state["type"] == "COMPLETED":
                created, ended = (datetime.fromisoformat(known[name]) for name in ("created", "end_time"))
                return (ended - created).total_seconds()
            if state["type"] in {"FAILED", "CRASHED", "CANCELLED"}:
                raise SystemExit(f"the run ended as {state['name']}: {state['message']}")
            time.sleep(1)  # each poll takes CPU time from training

    def flow_at_any_time(self) -> float:
        """The same, triggered at any time between two of the worker's looks for work: prefect.toml."""
        time.sleep(random.uniform(0, 3))  # noqa: S311  (no secret)
        return self.flow()

    @contextmanager
    def trainers(self, number: int) -> Iterator[None]:
        """Workers of the training queue, which share the cores."""
        threads = max(1, (os.cpu_count() or 1) // number)
        own = {"PREFECT_API_URL": self.api, "FINETRAIL_CHECKOUT": str(self.root), "OMP_NUM_THREADS": str(threads)}
        own["MLFLOW_TRACKING_URI"] = f"http://127.0.0.1:{self.environment['FINETRAIL_MLFLOW_PORT']}"
        command = [sys.executable, "-m", "prefect", "worker", "start", "--pool", "finetrail", "--work-queue", "train"]
        environment, quiet = self.environment | own, subprocess.DEVNULL
        started = [
            subprocess.Popen([*command, "--limit", "1"], cwd=self.root, env=environment, stdout=quiet, stderr=quiet)
            for _ in range(number)
        ]
        time.sleep(15)  # until they poll for work
        yield
        for worker in started:
            worker.send_signal(signal.SIGINT)
            worker.wait(60)


def overhead(site: Site, folder: Path, repeats: int) -> None:
    """Print the seconds of the deployment and of `dvc repro`."""
    print(PAIRS.format("seconds", "dvc repro", "flow", "ratio"))
    for number in range(repeats):
        what = site.seed(number + 1)
        plain = site.plain(folder / "plain")
        flow = site.flow()
        print(PAIRS.format(f"from nothing, {what}", f"{plain:.1f}", f"{flow:.1f}", f"{flow / plain:.3f}"), flush=True)
        idle = [(site.run("dvc", "repro", folder=folder / "plain"), site.flow_at_any_time()) for _ in range(IDLE)]
        shutil.rmtree(folder / "plain")
    plain, flow = (statistics.median(column) for column in zip(*idle, strict=True))
    least, most = (each(took for _, took in idle) for each in (min, max))
    print(PAIRS.format(f"nothing to do, median of {IDLE}", f"{plain:.1f}", f"{flow:.1f}", ""))
    stages = 6 + (site.root / "params.yaml").read_text(encoding="utf-8").count("adaptation:")
    more = flow - plain
    print(f"the deployment took {least:.1f} to {most:.1f} s, and adds {more:.1f} s, {more / stages:.1f} s a stage")


def fan_out(site: Site, repeats: int) -> None:
    """Print the seconds with one training worker and with two."""
    site.run(sys.executable, "-c", "from flows.servers import stop; stop('trainer')")
    print(PAIRS.format("seconds", "1 worker", "2 workers", "ratio"))
    for number in range(repeats):
        took = []
        for workers in (1, 2):
            what = site.seed(1000 + 10 * number + workers)
            with site.trainers(workers):
                took.append(site.flow(fan_out="candidate/candidate"))
        one, two = took
        print(PAIRS.format(f"from nothing, {what}", f"{one:.1f}", f"{two:.1f}", f"{one / two:.2f}"), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--recipe", default="newsgroups")
    parser.add_argument("--repeats", type=int, default=1)
    parser.add_argument("--fan-out", action="store_true")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        site = Site(Path(temporary) / "site", asked.recipe)
        try:
            site.run(sys.executable, "-m", "flows.servers", "up")
            site.run(sys.executable, "-m", "prefect", "deploy", "--all")
            if asked.fan_out:
                fan_out(site, asked.repeats)
            else:
                overhead(site, Path(temporary), asked.repeats)
        finally:
            site.run(sys.executable, "-m", "flows.servers", "down")


if __name__ == "__main__":
    main()
