"""The process that has imported what stages import, and computed nothing: each stage is forked from it.

    python -P -m finetrail.warm.server LISTENING LOCK OWNER [kept]

It ends when nobody asked for a while, when the code or the environment is another one, when its owner is gone, and at
SIGTERM; a stage that runs goes on to its end first. One that is kept ends by itself only when the code is another one.
"""

import atexit
import contextlib
import gc
import math
import os
import selectors
import signal
import socket
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from finetrail.programs.fork import can_fork
from finetrail.quiet import quiet_libraries
from finetrail.warm.call import Call
from finetrail.warm.identity import code, identity
from finetrail.warm.imports import Imports, imported_since
from finetrail.warm.place import FOLDER, KEPT, SOCKET
from finetrail.warm.start import exit_code, leave_early, run
from finetrail.warm.wire import hear, say

LOOK = 2.0
"""Seconds from one look at the socket's file to the next: another one there means that this server is forgotten."""


@dataclass(frozen=True)
class _Running:
    """A stage. Attributes: stage, client: the processes; connection: to the client; imported: what the stage tells."""

    stage: int
    client: int
    connection: socket.socket
    imported: int


class Server:
    """Forks stages.

    Args:
        listening, lock: descriptors that the client opened.
        owner: the process to end with.
        kept: whether its owner keeps it: it waits for stages however long, and makes no room for who differs from it.
        idle: seconds without a stage after which it ends otherwise.
    """

    def __init__(self, listening: int, lock: int, owner: int, *, kept: bool = False, idle: float = 60.0) -> None:
        self.folder = Path.cwd()
        self.identity, self.code = identity(), code()
        self.listening, self.lock = socket.socket(fileno=listening), lock
        for descriptor in (listening, lock):
            os.set_inheritable(descriptor, False)
        self.file = (FOLDER / SOCKET).stat().st_ino
        self.selector = selectors.EpollSelector()
        self.selector.register(self.listening, selectors.EVENT_READ, self._answer)
        self.running: dict[int, _Running] = {}
        self.imports = Imports()
        self.ending, self.kept, self.idle = False, kept, math.inf if kept else idle
        self.used = time.monotonic()
        # Told by a descriptor: a signal alone does not end the wait for the next event.
        self.asked_to_end = os.eventfd(0, os.EFD_CLOEXEC)
        self.selector.register(self.asked_to_end, selectors.EVENT_READ, self._gone)
        signal.signal(signal.SIGTERM, lambda *_: os.eventfd_write(self.asked_to_end, 1))
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        with contextlib.suppress(OSError):  # a session may outlive its leader: then only idleness ends the server
            self.selector.register(os.pidfd_open(owner), selectors.EVENT_READ, self._gone)

    def serve(self) -> Call | None:
        """Fork stages until it is time to end. Returns: in a fork its call; in the server None, at its end."""
        while not self.ending or self.running:
            more = self.imports and not self.ending
            events = self.selector.select(0 if more else LOOK)
            for key, _ in events:
                call = key.data(key.fileobj)
                if call is not None:
                    return call  # type: ignore[no-any-return]
            if not events and more:
                self.imports.one()
            elif not self.running and (time.monotonic() - self.used > self.idle or self._forgotten()):
                self._end()
        return None

    def _answer(self, listening: socket.socket) -> Call | None:
        connection, _ = listening.accept()
        connection.settimeout(5)
        passed: list[int] = []
        try:
            asked, passed = hear(connection, 4)
            edited = code() != self.code
            stale = edited or asked["identity"] != self.identity
            if not stale:
                self.imports.up_to(asked["arguments"][0])
                if can_fork():
                    return self._fork(connection, Call(asked, passed))
            replaces = asked["starts"] and (edited or not self.kept)
            if replaces or not stale:
                self._end()
            say(connection, {"replaceable": stale and replaces and not self.running})
        except (OSError, EOFError, KeyError, ValueError):
            pass  # whoever asked starts without a server
        for descriptor in passed:
            os.close(descriptor)
        connection.close()
        return None

    def _fork(self, connection: socket.socket, call: Call) -> Call | None:
        client = os.pidfd_open(_peer(connection))
        imported = os.memfd_create("imported")
        gc.freeze()  # what is imported is shared: nobody looks through it for garbage
        server, before = os.getpid(), set(sys.modules)
        pid = os.fork()
        if pid == 0:
            for descriptor in (client, *self._descriptors()):
                os.close(descriptor)
            call.take_on(server)
            atexit.register(_tell, connection, imported, before)
            return call
        while call.passed:
            os.close(call.passed.pop())
        running = _Running(os.pidfd_open(pid), client, connection, imported)
        say(connection, {"same_group": call.same_group}, (running.stage,))
        self.running[pid] = running
        self.selector.register(running.stage, selectors.EVENT_READ, lambda _: self._ended(pid))
        self.selector.register(client, selectors.EVENT_READ, lambda _: self._kill(pid))
        return None

    def _descriptors(self) -> list[int]:
        """All that this server holds open."""
        held = [fd for each in self.running.values() for fd in (each.stage, each.client, each.imported)]
        connections = [each.connection.detach() for each in self.running.values()]
        own = [self.selector.fileno(), self.asked_to_end, self.listening.detach(), self.lock]
        return [*own, *held, *connections]

    def _kill(self, pid: int) -> None:
        """End a stage whose client was killed: whoever killed that meant the stage."""
        if running := self.running.get(pid):  # else both have ended
            self.selector.unregister(running.client)
            signal.pidfd_send_signal(running.stage, signal.SIGKILL)

    def _ended(self, pid: int) -> None:
        ended = self.running.pop(pid)
        _, status = os.waitpid(pid, 0)
        self.used = time.monotonic()
        self.selector.unregister(ended.stage)
        if ended.client in self.selector.get_map():
            self.selector.unregister(ended.client)
        with contextlib.suppress(OSError), ended.connection:  # the client may have been killed
            say(ended.connection, {"code": os.waitstatus_to_exitcode(status)})
        for descriptor in (ended.stage, ended.client):
            os.close(descriptor)
        with os.fdopen(ended.imported, encoding="utf-8") as told:
            told.seek(0)
            self.imports.add(told.read().split())

    def _gone(self, told: int) -> None:
        """The owner has ended, or has asked this server to."""
        self.selector.unregister(told)
        self._end()

    def _end(self) -> None:
        """Take no more calls, and leave the place to another server, once the last stage has ended."""
        if not self.ending:
            self.ending = True
            self.selector.unregister(self.listening)
            self.listening.close()

    def _forgotten(self) -> bool:
        try:
            return (self.folder / FOLDER / SOCKET).stat().st_ino != self.file
        except OSError:
            return True


def _tell(connection: socket.socket, imported: int, before: set[str]) -> None:
    """What a stage says at its end. The server, which may be importing, says it later, and alone if it was killed."""
    with contextlib.suppress(OSError):
        say(connection, {"code": exit_code()})
    with os.fdopen(imported, "w", encoding="utf-8") as telling:
        telling.write("\n".join(imported_since(before)))


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
    leave_early()
    listening, lock, owner = map(int, sys.argv[1:4])
    server = Server(listening, lock, owner, kept=sys.argv[4:] == [KEPT])
    quiet_libraries()
    call = server.serve()
    if call is not None:
        run()


if __name__ == "__main__":
    main()
