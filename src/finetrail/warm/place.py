"""Where a workspace's server is: its socket, its lock, and how it is started. There is never more than one."""

import contextlib
import fcntl
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

FOLDER = Path(".finetrail") / "warm"
SOCKET, LOCK = "server.sock", "server.lock"


def connect(wait: float = 0.0, *, owner: int, environment: Mapping[str, str] = os.environ) -> socket.socket | None:
    """A connection to the server of the current folder; the server is started where there is none.

    Args:
        wait: seconds for a server that ends to make room.
        owner: the process with which a new server ends.
        environment: of a new server.
    """
    FOLDER.mkdir(mode=0o700, parents=True, exist_ok=True)
    until = time.monotonic() + wait
    lock = os.open(FOLDER / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if wait and time.monotonic() < until:
                    time.sleep(0.02)
                    continue
                return None if wait else _dial()
            return _start(lock, owner, environment)
    finally:
        os.close(lock)


def _dial() -> socket.socket | None:
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        with _short(FOLDER) as folder:
            connection.connect(f"{folder}/{SOCKET}")
    except OSError:
        connection.close()
        return None
    return connection


def _start(lock: int, owner: int, environment: Mapping[str, str]) -> socket.socket | None:
    """Start a server. It inherits the lock and the listening socket, so that nobody has to wait for it."""
    (FOLDER / SOCKET).unlink(missing_ok=True)
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listening, _short(FOLDER) as folder:
        before = os.umask(0o177)
        try:
            listening.bind(f"{folder}/{SOCKET}")
        finally:
            os.umask(before)
        listening.listen()
        subprocess.Popen(
            [sys.executable, "-P", "-m", "finetrail.warm.server", str(listening.fileno()), str(lock), str(owner)],
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            pass_fds=(listening.fileno(), lock),
            process_group=0,  # Ctrl-C is meant for the stage
        )
        return _dial()


@contextlib.contextmanager
def _short(folder: Path) -> Iterator[str]:
    """A name of the folder that fits into a socket's address, which the system limits to 107 bytes."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield f"/proc/self/fd/{descriptor}"
    finally:
        os.close(descriptor)
