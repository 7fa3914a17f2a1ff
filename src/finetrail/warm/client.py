"""The process that DVC started: it hands its stage over, passes signals on, and ends as the stage ends.

Light: it imports nothing but the standard library, so that a stage starts in a moment.
"""

import contextlib
import fcntl
import os
import resource
import select
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

from finetrail.warm.identity import identity, limits
from finetrail.warm.wire import hear, say

FOLDER = Path(".finetrail") / "warm"
SOCKET, LOCK = "server.sock", "server.lock"
OWNER = "FINETRAIL_WARM_OWNER"
"""Names the process with which the server ends; by default the leader of the session."""

_PASSED_ON = (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGTERM, signal.SIGUSR1, signal.SIGUSR2)
_NATIVE = 0.1
"""Seconds in which the stage, being of the same process group, has had a signal itself if the group was meant."""
_PATIENCE = 5.0
"""Seconds that a server of other code or another environment has to make room."""


def wanted() -> bool:
    """Whether this process may have its stage forked elsewhere."""
    return (
        os.environ.get("FINETRAIL_WARM", "1") != "0"
        and sys.platform == "linux"
        and hasattr(os, "pidfd_open")
        and "WORLD_SIZE" not in os.environ  # one of several processes: they know each other by their parent
        and Path("params.yaml").is_file()
        and not any(_closed(descriptor) for descriptor in range(3))
    )


def run_stage(arguments: list[str]) -> int | None:
    """Run a stage in a fork of the workspace's server, which is started if there is none.

    Returns:
        The exit code; None if the stage has to run in this process, because there can be no server.
    """
    ignored = [number for number in _PASSED_ON if signal.getsignal(number) == signal.SIG_IGN]
    with _Signals(ignored) as signals:
        for wait in (0.0, _PATIENCE):
            with contextlib.ExitStack() as opened:
                try:
                    connection = _connect(wait)
                    if connection is None:
                        return None
                    opened.enter_context(connection)
                    _ask(connection, arguments, ignored, opened.enter_context(signals.heard_by_stage()))
                    signals.select(connection)
                    answer, passed = hear(connection, 1)
                except (OSError, EOFError):
                    return None
                if passed:
                    return _wait(connection, passed[0], signals, same_group=answer["same_group"])
                if not answer["stale"]:
                    return None
        return None


def _connect(wait: float) -> socket.socket | None:
    """A connection to the workspace's server; the server is started where there is none."""
    FOLDER.mkdir(mode=0o700, parents=True, exist_ok=True)
    until = time.monotonic() + wait
    lock = os.open(FOLDER / LOCK, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if wait and time.monotonic() < until:  # it has been told to end
                    time.sleep(0.02)
                    continue
                return None if wait else _dial()
            return _start(lock)
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


def _start(lock: int) -> socket.socket | None:
    """Start a server. It inherits the lock and the listening socket, so there are never two, and nobody waits for it."""
    (FOLDER / SOCKET).unlink(missing_ok=True)
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listening, _short(FOLDER) as folder:
        before = os.umask(0o177)
        try:
            listening.bind(f"{folder}/{SOCKET}")
        finally:
            os.umask(before)
        listening.listen()
        owner = os.environ.get(OWNER) or str(os.getsid(0))
        subprocess.Popen(
            [sys.executable, "-P", "-m", "finetrail.warm.server", str(listening.fileno()), str(lock), owner],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            pass_fds=(listening.fileno(), lock),
            process_group=0,  # Ctrl-C is meant for the stage
        )
        return _dial()


@contextlib.contextmanager
def _short(folder: Path) -> Iterator[str]:
    """A name of the folder that is short enough for the address of a socket, of which the system takes 107 bytes."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{descriptor}"
    finally:
        os.close(descriptor)


def _ask(connection: socket.socket, arguments: list[str], ignored: list[signal.Signals], heard: int) -> None:
    mask = os.umask(0)
    os.umask(mask)
    call = {
        "identity": identity(),
        "arguments": arguments,
        "name": sys.argv[0],
        "path": sys.path,
        "environment": dict(os.environ),
        "umask": mask,
        "soft_limits": {str(number): soft for number, (soft, _) in limits().items()},
        "ignored": [int(number) for number in ignored],
        "blocked": [int(number) for number in signal.pthread_sigmask(signal.SIG_BLOCK, ())],
        "session": os.getsid(0),
        "group": os.getpgrp(),
    }
    say(connection, call, (0, 1, 2, heard))


def _wait(connection: socket.socket, stage: int, signals: "_Signals", *, same_group: bool) -> int | None:
    """Wait for the stage's end, and pass signals on. Returns: the exit code; None if the server was killed."""
    try:
        signals.select(connection, stage, same_group=same_group)
        try:
            code = os.waitstatus_to_exitcode(hear(connection)[0]["status"])
        except (EOFError, OSError):
            select.select([stage], [], [])  # it ends with its server; two at once would be one too many
            return None
        if code < 0:
            signals.die(-code)
        return code
    finally:
        os.close(stage)


class _Signals:
    """What happens to the signals of this process while its stage runs elsewhere."""

    def __init__(self, ignored: list[signal.Signals]) -> None:
        self._handled = [number for number in _PASSED_ON if number not in ignored]
        self._heard: int | None = None
        self._native: Counter[int] = Counter()

    def __enter__(self) -> "_Signals":
        self._come, self._wake = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self._before = {number: signal.signal(number, lambda *_: None) for number in self._handled}
        signal.set_wakeup_fd(self._wake, warn_on_full_buffer=False)
        return self

    def __exit__(self, *_: object) -> None:
        signal.set_wakeup_fd(-1)
        for number, handler in self._before.items():
            signal.signal(number, handler)
        os.close(self._come)
        os.close(self._wake)

    @contextlib.contextmanager
    def heard_by_stage(self) -> Iterator[int]:
        """A pipe into which the stage writes the number of each signal that it gets."""
        self._heard, write = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            yield write
        finally:
            os.close(write)
            os.close(self._heard)
            self._heard = None

    def select(self, connection: socket.socket, stage: int | None = None, *, same_group: bool = False) -> None:
        """Wait until the server says something; until then, a signal goes to the stage, or ends this process."""
        while True:
            ready, _, _ = select.select([connection, self._come], [], [])
            if self._come in ready:
                for number in os.read(self._come, 64):
                    if stage is None:
                        self.die(number)
                    elif not (same_group and self._reached(number)):
                        with contextlib.suppress(ProcessLookupError):
                            signal.pidfd_send_signal(stage, number)
                        self._native[number] -= 1  # of which it will tell too
            if connection in ready:
                return

    def _reached(self, number: int) -> bool:
        """Whether the stage has had this signal itself, because the whole group was meant, as by Ctrl-C."""
        until = time.monotonic() + _NATIVE
        while self._native[number] <= 0:
            left = until - time.monotonic()
            if left <= 0 or self._heard is None or not select.select([self._heard], [], [], left)[0]:
                return False
            told = os.read(self._heard, 64)
            if not told:
                return True  # it has ended
            self._native.update(told)
        self._native[number] -= 1
        return True

    @staticmethod
    def die(number: int) -> NoReturn:
        """End by a signal, as the stage did."""
        resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))
        if number not in (signal.SIGKILL, signal.SIGSTOP):
            signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)
        os._exit(128 + number)


def _closed(descriptor: int) -> bool:
    try:
        os.fstat(descriptor)
    except OSError:
        return True
    return False
