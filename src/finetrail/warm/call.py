"""What a client asks for, and how a fork becomes the process that it would have been."""

import os
import resource
import signal
import sys
from dataclasses import dataclass
from typing import Any

from finetrail.programs.lifeline import end_with
from finetrail.warm.identity import FREE


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
        end_with(server, signal.SIGKILL)
        os.setpgid(0, self.asked["group"] if self.same_group else 0)
        for number in set(signal.Signals) - {signal.SIGKILL, signal.SIGSTOP, signal.SIGPIPE, signal.SIGXFSZ}:
            ignored = int(number) in self.asked["ignored"]
            signal.signal(number, signal.SIG_IGN if ignored else signal.SIG_DFL)
        if signal.SIGINT not in self.asked["ignored"]:
            signal.signal(signal.SIGINT, signal.default_int_handler)
        signal.pthread_sigmask(signal.SIG_SETMASK, self.asked["blocked"])
        *streams, heard = self.passed
        for own, given in enumerate(streams):
            os.dup2(given, own)
            os.close(given)
        signal.set_wakeup_fd(heard, warn_on_full_buffer=False)
        for stream in (sys.stdin, sys.stdout, sys.stderr):
            stream.reconfigure(line_buffering=stream is sys.stderr or stream.isatty())  # type: ignore[union-attr]
        os.chdir(self.asked["folder"])
        os.umask(self.asked["umask"])
        for number, soft in self.asked["soft_limits"].items():
            resource.setrlimit(int(number), (soft, resource.getrlimit(int(number))[1]))
        for name in FREE:  # the others are the same, but for what libraries set when they are imported
            if name in self.asked["environment"]:
                os.environ[name] = self.asked["environment"][name]
            else:
                os.environ.pop(name, None)
        sys.argv[:] = [self.asked["name"], *self.asked["arguments"]]
        sys.path[:] = self.asked["path"]
        if numpy := sys.modules.get("numpy"):
            numpy.random.seed()  # else each fork would draw the same numbers where nobody sets a seed
