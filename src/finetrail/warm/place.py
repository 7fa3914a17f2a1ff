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


def allowed(environment: Mapping[str, str]) -> bool:
    """Whether the user has not switched warm stages off."""
    return environment.get("FINETRAIL_WARM") != "0"


def connect(
    folder: Path = Path(), wait: float = 0.0, *, owner: int | None, environment: Mapping[str, str] = os.environ
) -> socket.socket | None:
    """A connection to the server of a workspace. Returns: None if there is none.

    Args:
        wait: seconds for a server that ends to make room.
        owner: where there is no server, one is started that ends with this process; None starts none.
        environment: of a new server.
    """
    place = folder / FOLDER
    place.mkdir(mode=0o700, parents=True, exist_ok=True)
    until = time.monotonic() + wait
    lock = os.open(place / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if wait and time.monotonic() < until:
                    time.sleep(0.02)
                    continue
                return None if wait else _dial(place)
            return _start(folder, lock, owner, environment) if owner else None
    finally:
        os.close(lock)


def _dial(place: Path) -> socket.socket | None:
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        with _short(place) as folder:
            connection.connect(f"{folder}/{SOCKET}")
    except OSError:
        connection.close()
        return None
    return connection


def _start(folder: Path, lock: int, owner: int, environment: Mapping[str, str]) -> socket.socket | None:
    """Start a server. It inherits the lock and the listening socket, so that nobody has to wait for it."""
    (folder / FOLDER / SOCKET).unlink(missing_ok=True)
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listening, _short(folder / FOLDER) as short:
        before = os.umask(0o177)
        try:
            listening.bind(f"{short}/{SOCKET}")
        finally:
            os.umask(before)
        listening.listen()
        subprocess.Popen(
            [sys.executable, "-P", "-m", "finetrail.warm.server", str(listening.fileno()), str(lock), str(owner)],
            cwd=folder,
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            pass_fds=(listening.fileno(), lock),
            process_group=0,  # Ctrl-C is meant for the stage
        )
        return _dial(folder / FOLDER)


@contextlib.contextmanager
def _short(folder: Path) -> Iterator[str]:
    """A name of the folder that fits into a socket's address, which the system limits to 107 bytes."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield f"/proc/self/fd/{descriptor}"
    finally:
        os.close(descriptor)
