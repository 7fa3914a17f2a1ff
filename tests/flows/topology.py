"""docker/compose.yaml as plain processes: its services, commands, environments and health checks, on free ports.

What differs from containers: hosts and ports, the folder of the volume, and the two images that are not ours.
PostgreSQL comes from a Python package, and moto's server stands in for the object storage.
"""

import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from functools import cached_property
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Any

import httpx
import psutil

from tests.compose import REPOSITORY, services, waits_for_its_end
from tests.flows import postgres
from tests.flows.server import free_port
from tests.pipeline.workspaces import BIN

PORTS = {"postgres": 5432, "storage": 7070, "mlflow": 5000, "prefect": 4200, "worker": 8080, "trainer": 8081}
VOLUME = "/var/lib/finetrail"


@dataclass
class Topology:
    """The services of compose.yaml.

    Attributes:
        root: room for logs and for the app's folder.
        values: what docker/.env holds.
        volume: what the worker sees as its volume; another folder is another machine.
        own: what whoever runs it sets besides, by service.
    """

    root: Path
    values: dict[str, str]
    volume: Path
    ports: dict[str, int] = field(default_factory=lambda: {name: free_port() for name in PORTS})
    running: dict[str, "subprocess.Popen[bytes]"] = field(default_factory=dict)
    programs: Path = BIN
    own: dict[str, dict[str, str]] = field(default_factory=dict)

    @cached_property
    def app(self) -> Path:
        """As the Dockerfile lays out /app."""
        app = self.root / "app"
        for name in ("flows", "docker", "recipes"):
            shutil.copytree(REPOSITORY / name, app / name, ignore=shutil.ignore_patterns("__pycache__", ".env"))
        for name in ("prefect.yaml", "prefect.toml", "automations.yaml"):
            shutil.copyfile(REPOSITORY / name, app / name)
        return app

    @property
    def services(self) -> dict[str, dict[str, Any]]:
        return services(self.values)

    def here(self, text: str) -> str:
        """What stands in the file, for this machine."""
        for name, port in PORTS.items():
            own = str(self.ports[name])
            for before, after in ((name, "localhost"), ("127.0.0.1",) * 2, ("localhost",) * 2):
                text = text.replace(f"{before}:{port}", f"{after}:{own}")
            text = own if text == str(port) else text.replace(f"--port={port}", f"--port={own}")
        return text.replace("0.0.0.0", "127.0.0.1").replace(VOLUME, str(self.volume))  # noqa: S104  (taken out)

    def environment(self, name: str) -> dict[str, str]:
        """All that a service sees: its own, and what the image gives to each."""
        said = self.services[name].get("environment", {}) | self.own.get(name, {})
        own = {key: self.here(value) for key, value in said.items()}
        return {
            "PATH": f"{self.programs}{os.pathsep}{BIN}{os.pathsep}{os.environ['PATH']}",
            "HOME": str(self.root / "home"),
            "PYTHONPATH": str(REPOSITORY / "src"),
            "FINETRAIL_CHECKOUT": str(self.app),
            "HF_HUB_OFFLINE": "1",
            "PREFECT_WORKER_QUERY_SECONDS": "3",  # so that a test waits little for the worker's next look
            **own,
        }

    def run(self, name: str, *command: str) -> str:
        """Run a service's command, or another in its place, to its end; returns what it printed."""
        words = [self.here(word) for word in command or self.services[name]["command"]]
        done = subprocess.run(
            words, cwd=self.app, env=self.environment(name), capture_output=True, text=True, timeout=300
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def start(self, name: str) -> None:
        """Start a service's command."""
        words = [self.here(word) for word in self.services[name]["command"]]
        if name == "storage":
            words = ["moto_server", "--host", "127.0.0.1", "--port", str(self.ports[name])]
        with (self.root / f"{name}.log").open("ab") as log:
            self.running[name] = subprocess.Popen(
                words, cwd=self.app, env=self.environment(name), stdout=log, stderr=log, start_new_session=True
            )

    def stop(self, name: str) -> None:
        """End a service with all that it started, as a machine that is switched off."""
        process = self.running.pop(name)
        if process.poll() is None:
            main = psutil.Process(process.pid)
            for one in (*main.children(recursive=True), main):
                with suppress(psutil.NoSuchProcess):
                    one.kill()
        process.wait(10)

    def down(self) -> None:
        """End all of them."""
        for name in reversed(list(self.running)):
            self.stop(name)

    def healthy(self, name: str) -> bool:
        """What the service's own health check says; moto answers at another address than the storage's image."""
        if name == "storage":
            try:
                return httpx.get(self.here("http://127.0.0.1:7070/moto-api/"), timeout=5).is_success
            except httpx.HTTPError:
                return False
        kind, *words = (self.here(word) for word in self.services[name]["healthcheck"]["test"])
        assert kind == "CMD"
        return (
            subprocess.run(words, cwd=self.app, env=self.environment(name), capture_output=True, check=False).returncode
            == 0
        )

    def log(self, name: str) -> str:
        return (self.root / f"{name}.log").read_text(encoding="utf-8", errors="replace")

    def wait(self, name: str) -> None:
        """Until a service is healthy."""
        end = time.monotonic() + 180
        while not self.healthy(name):
            process = self.running.get(name)
            assert process is None or process.poll() is None, self.log(name)
            assert time.monotonic() < end, self.log(name)
            time.sleep(0.5)


@contextmanager
def up(topology: Topology) -> Iterator[Topology]:
    """`docker compose up`: each service once those that it depends on are healthy, or have ended well."""
    wanted = topology.services
    order = TopologicalSorter({name: list(one.get("depends_on", {})) for name, one in wanted.items()})
    order.prepare()
    (topology.root / "home").mkdir(parents=True)
    with ExitStack() as stack:
        stack.callback(topology.down)
        starting: list[str] = []
        end = time.monotonic() + 240
        while order.is_active():
            for name in order.get_ready():
                if name == "postgres":
                    scripts = REPOSITORY / "docker" / "postgres"
                    environment = topology.environment(name)
                    topology.programs = stack.enter_context(
                        postgres.serving(topology.ports[name], environment, scripts)
                    )
                elif waits_for_its_end(name, wanted):
                    topology.run(name)
                    order.done(name)
                    continue
                else:
                    topology.start(name)
                starting.append(name)
            for name in [one for one in starting if topology.healthy(one)]:
                starting.remove(name)
                order.done(name)
            dead = [name for name, process in topology.running.items() if process.poll() is not None]
            assert not dead, topology.log(dead[0])
            assert time.monotonic() < end, {name: topology.log(name)[-2000:] for name in topology.running}
            time.sleep(1)  # a health check is a process: not too many of them
        yield topology
