"""What a client asks for, and how a fork becomes the process that it would have been."""

import ctypes
import os
import resource
import signal
import sys
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Call:
    """A stage that a client wants. Attributes: passed: its streams, and the pipe that tells of signals."""

    asked: dict[str, Any]
    passed: list[int]

    @property
    def same_group(self) -> bool:
        """Whether the stage can be of the client's process group: a group does not cross sessions."""
        return bool(self.asked["session"] == os.getsid(0))

    def take_on(self, server: int) -> None:
        """Make this fork what the client is. Args: server: the process to end with."""
        _die_with(server)
        os.setpgid(0, self.asked["group"] if self.same_group else 0)
        for number in set(signal.Signals) - {signal.SIGKILL, signal.SIGSTOP, signal.SIGPIPE, signal.SIGXFSZ}:
            ignored = int(number) in self.asked["ignored"]
            signal.signal(number, signal.SIG_IGN if ignored else signal.SIG_DFL)
        if signal.SIGINT not in self.asked["ignored"]:
            signal.signal(signal.SIGINT, signal.default_int_handler)
        signal.pthread_sigmask(signal.SIG_SETMASK, self.asked["blocked"])
        for own, given in enumerate(self.passed[:3]):
            os.dup2(given, own)
        heard = os.dup2(self.passed[3], 3, inheritable=False)
        os.closerange(4, os.sysconf("SC_OPEN_MAX") if os.sysconf("SC_OPEN_MAX") < 65536 else 65536)
        signal.set_wakeup_fd(heard, warn_on_full_buffer=False)
        for stream in (sys.stdin, sys.stdout, sys.stderr):
            stream.reconfigure(line_buffering=stream is sys.stderr or stream.isatty())  # type: ignore[union-attr]
        os.umask(self.asked["umask"])
        for number, soft in self.asked["soft_limits"].items():
            resource.setrlimit(int(number), (soft, resource.getrlimit(int(number))[1]))
        os.environ.clear()
        os.environ.update(self.asked["environment"])
        sys.argv[:] = [self.asked["name"], *self.asked["arguments"]]
        sys.path[:] = self.asked["path"]
        if numpy := sys.modules.get("numpy"):
            numpy.random.seed()  # else each fork would draw the same numbers where nobody sets a seed


def _die_with(server: int) -> None:
    """Have the system kill this process when the server is killed: its client then starts without one."""
    pr_set_pdeathsig = 1
    ctypes.CDLL(None).prctl(pr_set_pdeathsig, signal.SIGKILL)
    if os.getppid() != server:
        os._exit(1)
