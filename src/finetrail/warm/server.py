"""The process that has imported what stages import, and computed nothing: each stage is forked from it.

    python -P -m finetrail.warm.server LISTENING LOCK OWNER

It ends when nobody asked for a while, when the code or the environment is another one, when its owner is gone, and at
SIGTERM; a stage that runs goes on to its end first.
"""

import contextlib
import os
import selectors
import signal
import socket
import sys
import time
from pathlib import Path
from typing import Any

from threadpoolctl import threadpool_info

from finetrail.cli.quiet import quiet_libraries
from finetrail.warm.call import Call
from finetrail.warm.client import FOLDER, SOCKET
from finetrail.warm.identity import code, identity
from finetrail.warm.imports import import_, missing
from finetrail.warm.wire import hear, say

IDLE = 60.0
"""Seconds without a stage after which the server ends."""
_LOOK = 2.0
"""Seconds from one look at the socket's file to the next: another one there means that this server is forgotten."""


class Server:
    """Forks stages. Args: listening, lock: descriptors that the client opened; owner: the process to end with."""

    def __init__(self, listening: int, lock: int, owner: int) -> None:
        self.folder = Path.cwd()
        self.identity, self.code = identity(), code(self.folder)
        self.listening, self.lock = socket.socket(fileno=listening), lock
        self.file = os.stat(FOLDER / SOCKET).st_ino
        self.selector = selectors.DefaultSelector()
        self.selector.register(self.listening, selectors.EVENT_READ, self._answer)
        self.running: dict[int, tuple[int, socket.socket, int]] = {}
        self.ending = False
        self.used = time.monotonic()
        signal.signal(signal.SIGTERM, lambda *_: self._end())
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        with contextlib.suppress(OSError):  # a session may outlive its leader: then only idleness ends the server
            self.selector.register(os.pidfd_open(owner), selectors.EVENT_READ, self._owner_is_gone)

    def serve(self) -> Call | None:
        """Fork stages until it is time to end. Returns: in a fork its call; in the server None, at its end."""
        while not self.ending or self.running:
            names = [] if self.ending else missing()
            events = self.selector.select(0 if names else _LOOK)
            for key, _ in events:
                call = key.data(key.fileobj)
                if call is not None:
                    return call  # type: ignore[no-any-return]
            if not events and names:
                import_(names[0])
            elif not self.running and (time.monotonic() - self.used > IDLE or self._forgotten()):
                self._end()
        return None

    def _answer(self, listening: socket.socket) -> Call | None:
        connection, _ = listening.accept()
        connection.settimeout(5)
        try:
            asked, passed = hear(connection, 4)
            wrong = self._fault(asked)
            if wrong is None:
                return self._fork(connection, Call(asked, passed))
            say(connection, {"stale": wrong})
            if wrong:
                self._end()
        except (OSError, EOFError, KeyError, ValueError):
            pass  # whoever asked starts without a server
        connection.close()
        return None

    def _fault(self, asked: dict[str, Any]) -> bool | None:
        """Why no stage can be forked; None: nothing. True: a new server could; False: none could."""
        if asked["identity"] != self.identity or code(self.folder) != self.code:
            return True
        for name in missing(asked["arguments"][0]):
            import_(name)
        # OpenBLAS ends its threads before a fork, and starts them again after it.
        expected = 1 + sum(pool["num_threads"] - 1 for pool in threadpool_info() if pool["internal_api"] == "openblas")
        threads = len(os.listdir("/proc/self/task"))
        cuda = "libcuda.so" in Path("/proc/self/maps").read_text(encoding="utf-8")
        return False if threads > expected or cuda else None

    def _fork(self, connection: socket.socket, call: Call) -> Call | None:
        client = os.pidfd_open(_peer(connection))
        server = os.getpid()
        pid = os.fork()
        if pid == 0:
            self.selector.close()
            call.take_on(server)
            return call
        for descriptor in call.passed:
            os.close(descriptor)
        stage = os.pidfd_open(pid)
        say(connection, {"same_group": call.same_group}, (stage,))
        self.running[pid] = (stage, connection, client)
        self.selector.register(stage, selectors.EVENT_READ, lambda _: self._ended(pid))
        self.selector.register(client, selectors.EVENT_READ, lambda _: self._kill(pid))
        return None

    def _kill(self, pid: int) -> None:
        """End a stage whose client was killed: whoever killed that meant the stage."""
        stage, _, client = self.running[pid]
        self.selector.unregister(client)
        signal.pidfd_send_signal(stage, signal.SIGKILL)

    def _ended(self, pid: int) -> None:
        stage, connection, client = self.running.pop(pid)
        _, status = os.waitpid(pid, 0)
        self.used = time.monotonic()
        self.selector.unregister(stage)
        if client in self.selector.get_map():
            self.selector.unregister(client)
        try:
            say(connection, {"status": status})
        except OSError:
            pass  # the client was killed
        for descriptor in (stage, client):
            os.close(descriptor)
        connection.close()

    def _owner_is_gone(self, owner: int) -> None:
        self.selector.unregister(owner)
        self._end()

    def _end(self) -> None:
        """Take no more calls, and leave the place to another server, once the last stage has ended."""
        if not self.ending:
            self.ending = True
            self.selector.unregister(self.listening)
            self.listening.close()

    def _forgotten(self) -> bool:
        try:
            return os.stat(self.folder / FOLDER / SOCKET).st_ino != self.file
        except OSError:
            return True


def _peer(connection: socket.socket) -> int:
    """The process at the other end, of this user and these namespaces. Raises: ValueError: it is another user's."""
    size = 12
    credentials = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, size)
    pid, user, _ = (int.from_bytes(credentials[at : at + 4], sys.byteorder) for at in range(0, size, 4))
    if user != os.geteuid() or not pid:
        raise ValueError(f"user {user}")
    return pid


def main() -> None:
    """Serve; in a fork, run the stage as the command line would."""
    listening, lock, owner = map(int, sys.argv[1:])
    server = Server(listening, lock, owner)
    quiet_libraries()
    call = server.serve()
    if call is not None:
        from finetrail.cli.app import app

        app(prog_name="finetrail")


if __name__ == "__main__":
    main()
