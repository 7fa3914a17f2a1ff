"""Where a workspace's server is: its socket, its lock, and how it is started. There is never more than one."""

import fcntl
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

FOLDER = Path(".finetrail") / "warm"
_GRACE = 10.0
"""Seconds that a server has to end: it may be importing."""
SOCKET, LOCK = "server.sock", "server.lock"
KEPT = "kept"
_PROGRAM = (sys.executable, "-P", "-m", "finetrail.warm.server")


def allowed(environment: Mapping[str, str]) -> bool:
    """Whether the user has not switched warm stages off."""
    return environment.get("FINETRAIL_WARM") != "0"


@contextmanager
def kept(folder: Path, environment: Mapping[str, str]) -> Iterator[None]:
    """Keep a server for a workspace that is this process's alone, as long as it works there."""
    with _lock(folder) as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        server = _start(folder, lock, os.getpid(), environment, KEPT)
    try:
        yield
    finally:
        server.terminate()
        try:
            server.wait(_GRACE)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()


def connect(wait: float = 0.0, *, owner: int | None) -> socket.socket | None:
    """A connection to the server of the current folder. Returns: None if there is none.

    Args:
        wait: seconds for a server that ends to make room.
        owner: where there is no server, one is started that ends with this process; None starts none.
    """
    until = time.monotonic() + wait
    with _lock(Path()) as lock:
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if not wait:
                    return _dial()
                if time.monotonic() > until:
                    return None
                time.sleep(0.02)
        if owner is None:
            return None
        _start(Path(), lock, owner, os.environ)
        return _dial()


@contextmanager
def _lock(folder: Path) -> Iterator[int]:
    """The lock that a server holds while it lives."""
    (folder / FOLDER).mkdir(mode=0o700, parents=True, exist_ok=True)
    lock = os.open(folder / FOLDER / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        yield lock
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


def _start(
    folder: Path, lock: int, owner: int, environment: Mapping[str, str], *words: str
) -> "subprocess.Popen[bytes]":
    """Start a server. It inherits the lock and the listening socket, so that nobody has to wait for it."""
    (folder / FOLDER / SOCKET).unlink(missing_ok=True)
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listening, _short(folder / FOLDER) as short:
        before = os.umask(0o177)
        try:
            listening.bind(f"{short}/{SOCKET}")
        finally:
            os.umask(before)
        listening.listen()
        return subprocess.Popen(
            [*_PROGRAM, *map(str, (listening.fileno(), lock, owner)), *words],
            cwd=folder,
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            pass_fds=(listening.fileno(), lock),
            process_group=0,  # Ctrl-C is meant for the stage
        )


@contextmanager
def _short(folder: Path) -> Iterator[str]:
    """A name of the folder that fits into a socket's address, which the system limits to 107 bytes."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield f"/proc/self/fd/{descriptor}"
    finally:
        os.close(descriptor)
