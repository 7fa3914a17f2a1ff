"""The process that DVC started: it hands its stage over, passes signals on, and ends as the stage ends.

Light: it imports nothing but the standard library, so that a stage starts in a moment.
"""

import contextlib
import os
import signal
import socket
import sys
from pathlib import Path
from typing import Any

from finetrail.warm.identity import FREE, identity, limits
from finetrail.warm.place import allowed, connect
from finetrail.warm.signals import PASSED_ON, Signals
from finetrail.warm.wire import hear, say

_PATIENCE = 5.0
"""Seconds that a server has to make room for another one, or to tell how a stage ended that was killed."""


def wanted() -> bool:
    """Whether this process may have its stage forked elsewhere."""
    return (
        allowed(os.environ)
        and sys.platform == "linux"
        and "WORLD_SIZE" not in os.environ  # one of several processes: they know each other by their parent
        and Path("params.yaml").is_file()
        and not any(_closed(descriptor) for descriptor in range(3))
    )


def run_stage(arguments: list[str]) -> int | None:
    """Run a stage in a fork of the workspace's server, which is started if there is none.

    Returns:
        The exit code; None if the stage has to run in this process, because no server can be had.
    """
    # More stages follow under DVC. One that a person runs uses a server that is there.
    owner = os.getsid(0) if "DVC_STAGE" in os.environ else None
    ignored = [number for number in PASSED_ON if signal.getsignal(number) == signal.SIG_IGN]
    with Signals(ignored) as signals:
        for wait in (0.0, _PATIENCE):
            with contextlib.ExitStack() as opened:
                try:
                    connection = connect(wait, owner=owner)
                    if connection is None:
                        return None
                    opened.enter_context(connection)
                    heard = opened.enter_context(signals.heard_by_stage())
                    say(connection, {**_call(arguments, ignored), "starts": owner is not None}, (0, 1, 2, heard))
                    signals.pass_on(connection.fileno())
                    answer, passed = hear(connection, 1)
                except (OSError, EOFError):
                    return None
                if passed:
                    return _wait(connection, passed[0], signals, same_group=answer["same_group"])
                if not answer["replaceable"]:
                    return None
        return None


def _call(arguments: list[str], ignored: list[signal.Signals]) -> dict[str, Any]:
    """What the stage needs to be what this process is."""
    mask = os.umask(0)
    os.umask(mask)
    return {
        "identity": identity(),
        "arguments": arguments,
        "name": sys.argv[0],
        "path": sys.path,
        "folder": str(Path.cwd()),
        "environment": {name: os.environ[name] for name in FREE if name in os.environ},
        "umask": mask,
        "soft_limits": {str(number): soft for number, (soft, _) in limits().items()},
        "ignored": [int(number) for number in ignored],
        "blocked": [int(number) for number in signal.pthread_sigmask(signal.SIG_BLOCK, ())],
        "session": os.getsid(0),
        "group": os.getpgrp(),
    }


def _wait(connection: socket.socket, stage: int, signals: Signals, *, same_group: bool) -> int | None:
    """Wait for the stage's end, and pass signals on. Returns: the exit code; None if the server was killed."""
    try:
        signals.pass_on(stage, stage, same_group=same_group)
        connection.settimeout(_PATIENCE)
        try:
            code = int(hear(connection)[0]["code"])
        except (EOFError, OSError):
            return None
        if code < 0:
            signals.die(-code)
        return code
    finally:
        os.close(stage)


def _closed(descriptor: int) -> bool:
    try:
        os.fstat(descriptor)
    except OSError:
        return True
    return False
