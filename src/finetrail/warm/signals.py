"""The signals of a process whose stage runs elsewhere: each reaches the stage, once."""

import contextlib
import os
import resource
import select
import signal
import time
from collections import Counter
from collections.abc import Iterator
from typing import NoReturn

PASSED_ON = (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGTERM, signal.SIGUSR1, signal.SIGUSR2)
_NATIVE = 0.1
"""Seconds in which the stage, being of the same process group, has had a signal itself if the group was meant."""


class Signals:
    """What happens to the signals of this process while its stage runs elsewhere."""

    def __init__(self, ignored: list[signal.Signals]) -> None:
        self._handled = [number for number in PASSED_ON if number not in ignored]
        self._heard: int | None = None
        self._native: Counter[int] = Counter()

    def __enter__(self) -> "Signals":
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

    def pass_on(self, until: int, stage: int | None = None, *, same_group: bool = False) -> None:
        """Wait until a descriptor is readable; until then, a signal goes to the stage, or ends this process.

        Args:
            stage: None if there is none yet.
            same_group: whether the stage is of this process's group.
        """
        while True:
            ready, _, _ = select.select([until, self._come], [], [])
            if self._come in ready:
                for number in os.read(self._come, 64):
                    if stage is None:
                        self.die(number)
                    elif not (same_group and self._reached(number)):
                        with contextlib.suppress(ProcessLookupError):
                            signal.pidfd_send_signal(stage, number)
                        self._native[number] -= 1  # it will tell of this one too
            if until in ready:
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
