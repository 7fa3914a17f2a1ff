"""Stages in one session, as DVC or a terminal runs them, and what the system knows of their processes."""

import os
import re
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from tests.pipeline.trainings import SETTINGS, newest
from tests.pipeline.workspaces import Sandbox, wait

T = TypeVar("T")
ENDLESS = {**SETTINGS, "epochs": 10_000}


def until(true: Callable[[], T], seconds: float = 180) -> T:
    """Wait for something; returns it."""
    deadline = time.monotonic() + seconds
    while not (found := true()):
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.01)
    return found


@contextmanager
def session(sandbox: Sandbox, script: str, **environment: str) -> "Iterator[subprocess.Popen[str]]":
    """A shell, the leader of a session, that runs stages as DVC would: after each may come more."""
    shell = sandbox.start("bash", "-c", f"{script}\ntrue", DVC_STAGE="stage", **environment)
    try:
        yield shell
    finally:
        if shell.poll() is None:
            os.killpg(shell.pid, signal.SIGKILL)
            wait(shell)


def pause(name: str) -> str:
    """A line of a script at which it waits for `paused`."""
    return f"\ntouch {name}; while [ -e {name} ]; do sleep 0.02; done\n"


@contextmanager
def paused(sandbox: Sandbox, name: str) -> Iterator[None]:
    """The time in which a script waits."""
    until((sandbox.root / name).exists)
    yield
    (sandbox.root / name).unlink()


def working_in(root: Path) -> dict[int, str]:
    """The command lines of the processes whose folder is this workspace."""
    found = {}
    for folder in Path("/proc").iterdir():
        try:
            if folder.name.isdigit() and (folder / "cwd").readlink() == root:
                found[int(folder.name)] = (folder / "cmdline").read_text().replace("\0", " ").strip()
        except OSError:  # it has just ended
            continue
    return {pid: words for pid, words in found.items() if words}


def servers(sandbox: Sandbox) -> list[int]:
    """The workspace's servers. A fork bears the same command line."""
    found = [pid for pid, words in working_in(sandbox.root).items() if "finetrail.warm.server" in words]
    return [pid for pid in found if parent(pid) not in found]


def client(sandbox: Sandbox) -> int:
    """The process that DVC or the shell started for the stage."""
    (found,) = (pid for pid, words in working_in(sandbox.root).items() if re.search(r"bin/finetrail \w", words))
    return found


def fork(sandbox: Sandbox, shell: "subprocess.Popen[str]") -> int:
    """The endless training that a session runs in a fork, once it has learnt something."""

    def forked() -> list[str]:
        assert shell.poll() is None, shell.communicate()
        server = next(iter(servers(sandbox)), None)
        children = Path(f"/proc/{server}/task/{server}/children").read_text().split() if server else []
        words = working_in(sandbox.root)
        return [child for child in children if "finetrail.warm.server" in words.get(int(child), "")]

    # Only what trains is the stage: a library that the server imports may have forked too, for a program to come.
    trains_on(sandbox)
    (child,) = until(forked)
    return int(child)


def trains_on(sandbox: Sandbox) -> None:
    """Wait for the next checkpoint."""
    reached = newest(sandbox)
    until(lambda: newest(sandbox) > reached)


def none_is_left(sandbox: Sandbox) -> bool:
    """Whether all processes end within some seconds."""
    return until(lambda: not working_in(sandbox.root), 30)


def parent(pid: int) -> int | None:
    """The process that started this one; None if it has just ended."""
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    except OSError:
        return None
