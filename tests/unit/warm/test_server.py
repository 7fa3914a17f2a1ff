"""The server's end; what it forks is in tests/pipeline/test_warm.py."""

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from finetrail.warm.place import FOLDER, SOCKET

# It looks around once an hour, so what ends it is what it is told.
SERVE = "import finetrail.warm.server as server; server.LOOK = 3600.0; server.main()"


@pytest.mark.slow
def test_one_that_waits_ends_when_it_is_told_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before, it ended at its next look: a run of a deployment waited two seconds for that."""
    monkeypatch.chdir(tmp_path)  # the system limits a socket's address to 107 bytes
    FOLDER.mkdir(parents=True)
    with socket.socket(socket.AF_UNIX) as listening, Path("lock").open("w") as lock:
        listening.bind(str(FOLDER / SOCKET))
        listening.listen()
        passed = (listening.fileno(), lock.fileno())
        command = [sys.executable, "-c", SERVE, *map(str, (*passed, os.getpid())), "kept"]
        server = subprocess.Popen(command, pass_fds=passed)
        try:
            while not _waits(server.pid):
                assert server.poll() is None
                time.sleep(0.05)
            server.terminate()
            server.wait(60)
        finally:
            server.kill()


def _waits(pid: int) -> bool:
    """Whether it hears SIGTERM, and sleeps until something happens."""
    told = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text(encoding="utf-8").splitlines())
    hears = int(told["SigCgt"], 16) >> (signal.SIGTERM - 1) & 1
    return bool(hears) and told["State"].strip().startswith("S")
