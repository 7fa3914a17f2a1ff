"""Other programs, run on a leash, with each line heard as it comes."""

import subprocess
import sys
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from finetrail.errors import WorkspaceError
from finetrail.programs import leash
from finetrail.redaction import without_secrets

Say = Callable[[str], None]
"""Hears what happens, line by line."""

KEPT = 200
"""Lines to keep: the end says what went wrong."""


@dataclass(frozen=True)
class Ended:
    """How a program ended. Attributes: code: its own, or 128 + N for signal N; lines: the last that it wrote."""

    code: int
    lines: tuple[str, ...]


def run(
    command: Sequence[str],
    folder: Path,
    environment: Mapping[str, str],
    say: Say | None = None,
    *,
    stderr: int | None = subprocess.STDOUT,
) -> Ended:
    """Run a program to its end, in a process group of its own.

    If this process is interrupted (by a cancelled run or a time limit) or killed, the program ends with all that it
    started.

    Args:
        environment: all of it.
        say: hears each line of stdout and stderr at once.
        stderr: None leaves it to this process's own, where a terminal shows the program's progress bars.
    """
    last: deque[str] = deque(maxlen=KEPT)
    with subprocess.Popen(
        # -P: never import from the script's own folder.
        [sys.executable, "-P", str(Path(leash.__file__)), *command],
        cwd=folder,
        env=dict(environment),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=stderr,
        text=True,
        errors="replace",
        start_new_session=True,
    ) as process:
        try:
            for line in process.stdout or ():
                if text := without_secrets(line.rstrip()):
                    last.append(text)
                    if say:
                        say(text)
        finally:
            # After success the leash exits on its own. Otherwise it ends the program, which may still need to write.
            if process.stdin:
                process.stdin.close()
            code = process.wait(leash.GRACE + 5)
    return Ended(code, tuple(last))


def must(
    command: Sequence[str], folder: Path, environment: Mapping[str, str], say: Say | None = None, *, where: str
) -> None:
    """Run a program that has to succeed; its errors and its progress bars go where ours go.

    Args:
        where: the place that it runs in, for the message.

    Raises:
        WorkspaceError: it failed.
    """
    ended = run(command, folder, environment, say, stderr=None)
    if ended.code:
        shown = " ".join(command).replace(f"{sys.executable} -m ", "")
        raise WorkspaceError(f"`{shown}` exited with {ended.code} in {where}; the lines above say why")
