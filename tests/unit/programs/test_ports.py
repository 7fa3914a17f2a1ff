"""Ports on loopback, with real sockets and a real server."""

import os
import re
import socket
import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path

import pytest

from finetrail.errors import ConfigError
from finetrail.programs.ports import answers, listens, refuse_busy


def test_a_free_port_is_not_refused() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    refuse_busy(port, "take {port}")


@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0"])  # noqa: S104
def test_a_port_in_use_is_refused_with_its_holder_and_a_free_one(host: str) -> None:
    with socket.create_server((host, 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ConfigError) as caught:
            refuse_busy(port, "program --port {port}")
    message = rf"port {port} is in use by \S.* \(process {os.getpid()}\); end it, or take another port: program --port "
    found = re.fullmatch(rf"{message}(\d+)", str(caught.value))
    assert found is not None, caught.value
    with socket.create_server(("127.0.0.1", int(found[1]))):
        pass


def test_a_port_that_a_connection_has_is_not_free() -> None:
    """A program that connects may get the port on its own side: nobody listens there, and no server can."""
    with socket.create_server(("127.0.0.1", 0)) as taken, socket.socket() as connected:
        port = taken.getsockname()[1]
        connected.bind(("127.0.0.1", 0))
        connected.connect(("127.0.0.1", port))
        own = connected.getsockname()[1]
        with pytest.raises(ConfigError, match=rf"port {own} is in use by \S.* \(process {os.getpid()}\)"):
            refuse_busy(own, "program --port {port}")


def test_whose_server_answers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    address = f"http://127.0.0.1:{port}/"
    assert not answers(address)
    command = [sys.executable, "-m", "http.server", str(port), "--bind", "127.0.0.1"]
    with ExitStack() as stack:
        server = subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        stack.callback(server.wait)
        stack.callback(server.kill)  # first; else whatever fails here would wait for the server's end
        deadline = time.monotonic() + 30
        while not answers(address):
            assert time.monotonic() < deadline
            time.sleep(0.05)
        assert listens(server.pid, port)
        assert listens(os.getpid(), port)  # through its child
        assert not listens(server.pid, port + 1)
        assert not answers(f"{address}nowhere")
