"""Real processes that promote at once, on MLflow's database and through its server; and one that dies in between."""

import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path

import pytest

from finetrail.errors import LedgerError
from finetrail.registry import promotion
from finetrail.registry.chain import Aliases
from finetrail.registry.ledger import Ledger
from finetrail.registry.versions import moved_aliases
from finetrail.runs.tracking import connect
from finetrail.workspace import Workspace
from tests.pipeline.forks import begin
from tests.pipeline.promoter import main as promote_for
from tests.pipeline.servers import running

ROUNDS = 5


@pytest.fixture(scope="module", params=["database", "server"])
def address(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Where MLflow answers: a database of its own, or a server in front of one."""
    folder = tmp_path_factory.mktemp("race")
    before = dict(os.environ)
    uri = connect(Workspace(folder), "race").uri
    os.environ.clear()
    os.environ.update(before)
    if request.param == "database":
        yield uri
        return
    command = (
        f"{sys.executable} -m mlflow server --host 127.0.0.1 --port {{port}} --workers 1 --backend-store-uri {uri}"
    )
    environment = os.environ | {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
    with running(command, "/health", folder=folder, log=folder / "log", environment=environment) as server:
        yield server


@pytest.fixture
def ledger(address: str, tmp_path: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Ledger:
    """A registered model of nine versions without files."""
    monkeypatch.setenv("MLFLOW_TRACKING_URI", address)
    tracker = connect(Workspace(tmp_path), "race")
    name = request.node.name.split("[")[0]
    tracker.client.create_registered_model(name)
    for number in range(1, 10):
        tracker.client.create_model_version(name, f"finetrail-test:/{name}/{number}", await_creation_for=0)
    return Ledger(tracker, name, "test")


@dataclass(frozen=True)
class Promoter:
    """A process that runs `promoter.main`."""

    process: BaseProcess
    lines: Connection

    def ask(self, version: int, champion: int) -> None:
        self.lines.send((version, champion))

    def hear(self) -> str:
        """The next that it says; fails if nothing comes."""
        assert self.lines.poll(60), "it says nothing"
        return str(self.lines.recv())


@contextmanager
def promoter(ledger: Ledger, folder: Path, *, die: bool = False) -> Iterator[Promoter]:
    """A process of its own that is ready to promote."""
    here, there = Pipe()
    process = begin(partial(promote_for, die=die), ledger.name, ledger.tracker.uri, folder, there)
    there.close()
    try:
        yield Promoter(process, here)
    finally:
        process.kill()
        process.join()
        here.close()


@contextmanager
def reading(ledger: Ledger) -> Iterator[list[object]]:
    """What a reader gets who asks for the champion again and again: versions, and errors if there are any."""
    seen: list[object] = []
    over = threading.Event()

    def read() -> None:
        while not over.wait(0.02):
            try:
                seen.append(int(ledger.tracker.client.get_model_version_by_alias(ledger.name, "champion").version))
            except Exception as error:  # noqa: BLE001  (of any kind)
                seen.append(error)

    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    try:
        yield seen
    finally:
        over.set()
        reader.join()


def test_of_two_that_promote_at_once_one_wins_and_readers_always_find_a_champion(
    ledger: Ledger, tmp_path: Path
) -> None:
    promotion.promote(ledger, 1, None)
    champion = 1
    with reading(ledger) as seen, promoter(ledger, tmp_path) as one, promoter(ledger, tmp_path) as other:
        assert (one.hear(), other.hear()) == ("ready", "ready")
        for _ in range(ROUNDS):
            first, second = [number for number in (2, 3, 4) if number != champion][:2]
            one.ask(first, champion)
            other.ask(second, champion)
            said = (one.hear(), other.hear())
            assert sorted(line[:4] for line in said) == ["lost", "won"], said
            assert "somebody else changed it; run again" in next(line for line in said if line.startswith("lost"))
            before, champion = champion, first if said[0] == "won" else second
            assert moved_aliases(ledger.tracker, ledger.name) == Aliases(champion, before)
    assert set(seen) <= {1, 2, 3, 4}, "a reader never finds no champion"
    assert len(set(seen)) > 1
    chain = ledger.read()
    assert [entry.kind for entry in chain.entries] == ["promotion"] * (ROUNDS + 1)


def test_a_process_that_is_killed_between_entry_and_alias_is_finished_by_the_next(
    ledger: Ledger, tmp_path: Path
) -> None:
    promotion.promote(ledger, 1, None)
    with promoter(ledger, tmp_path, die=True) as dying:
        assert dying.hear() == "ready"
        dying.ask(2, 1)
        dying.process.join(60)
        assert dying.process.exitcode == -signal.SIGKILL
    assert moved_aliases(ledger.tracker, ledger.name) == Aliases(1, 1)  # `previous` moves first
    assert ledger.read().state == Aliases(2, 1)
    promotion.reconcile(ledger)
    assert moved_aliases(ledger.tracker, ledger.name) == Aliases(2, 1)
    assert [entry.kind for entry in ledger.read().entries] == ["promotion", "promotion"]


def test_a_ledger_is_found_broken_through_a_server_too(ledger: Ledger) -> None:
    promotion.promote(ledger, 1, None)
    promotion.promote(ledger, 2, 1)
    ledger.tracker.client.delete_model_version(f"{ledger.name}.ledger", "2")
    with pytest.raises(LedgerError, match="BROKEN at entry 2: it is missing"):
        ledger.read()
