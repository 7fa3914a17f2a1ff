"""Run a program on a leash: it and everything it started end when the caller is gone, even after SIGKILL.

    python leash.py dvc repro train

The caller holds the other end of stdin. When that closes, or this process gets SIGTERM, it terminates the program and
its children, and kills them after a grace period. Exits as the program did; death by signal N becomes 128 + N.
Needs nothing but Python, because it starts once a stage.
"""

import contextlib
import ctypes
import os
import select
import signal
import subprocess
import sys
import time

GRACE = 10.0
"""Seconds that a program gets to end by itself, for example to close its MLflow run."""
_PAUSE = 0.05


def main() -> None:
    """Run the program that the arguments name, and end as it does."""
    _adopt_orphans()
    asked_to_end = os.eventfd(0)
    signal.signal(signal.SIGTERM, lambda *_: os.eventfd_write(asked_to_end, 1))
    # A session of its own: signals meant for the caller, such as Ctrl-C, reach the program only through here.
    program = subprocess.Popen(sys.argv[1:], stdin=subprocess.DEVNULL, start_new_session=True)
    _wait(os.pidfd_open(program.pid), asked_to_end)
    _end_all(program)
    code = program.wait()
    sys.exit(code if code >= 0 else 128 - code)


def _wait(program: int, asked_to_end: int) -> None:
    """Wait until the program has ended, or has to. It tells at once: most programs are shorter than any pause."""
    caller = sys.stdin.fileno()
    ends = select.poll()
    for each in (program, asked_to_end, caller):
        ends.register(each, select.POLLIN)
    while True:
        ready = [each for each, _ in ends.poll()]
        if ready != [caller] or not os.read(caller, 1):
            return


def _end_all(program: "subprocess.Popen[bytes]") -> None:
    """End the program's group, then whatever else it left behind."""
    until = time.monotonic() + GRACE
    asked = False
    while _children(program):
        late = time.monotonic() > until
        if late or not asked:
            number = signal.SIGKILL if late else signal.SIGTERM
            for child in _children(program):
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.kill(child, number)
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(program.pid, number)
            asked = True
        time.sleep(_PAUSE)


def _children(program: "subprocess.Popen[bytes]") -> list[int]:
    """The children that still run; orphans that have ended are reaped here."""
    program.poll()
    with open(f"/proc/{os.getpid()}/task/{os.getpid()}/children", encoding="ascii") as file:  # noqa: PTH123  (light)
        found = file.read().split()
    return [child for child in map(int, found) if child == program.pid or os.waitpid(child, os.WNOHANG)[0] == 0]


def _adopt_orphans() -> None:
    """Adopt the program's orphans, so that this process can end them too. Linux only."""
    set_child_subreaper = 36
    ctypes.CDLL(None).prctl(set_child_subreaper, 1)


if __name__ == "__main__":
    main()
