"""`finetrail`: a stage is handed to the workspace's warm server; all else, and what it cannot take, runs here."""

import atexit
import os
import signal
import sys

from finetrail.programs.clean import CLEAN, become

STAGES = frozenset({"ingest", "validate", "split", "train", "select", "assess", "test", "register"})

_code = 1


def main() -> None:
    """Run the command line."""
    leave_early()
    arguments = sys.argv[1:]
    if arguments and arguments[0] in {*STAGES, CLEAN}:
        if "DVC_STAGE" in os.environ:
            # A stage that outlives DVC would run beside the next `dvc repro`'s.
            from finetrail.programs.lifeline import end_with

            end_with(os.getppid(), signal.SIGTERM)
        from finetrail.warm.client import run_stage, wanted

        if wanted():
            code = run_stage(arguments)
            if code is not None:
                _end(code)
    run()


def run() -> None:
    """Run the command line in this process."""
    if sys.argv[1:2] == [CLEAN]:
        become(*sys.argv[2:])
        _end(0)
    from finetrail.cli.app import app

    try:
        app(prog_name="finetrail")
    except SystemExit as ended:
        _end(ended.code)


def leave_early() -> None:
    """End this process without taking its modules apart, which takes two seconds once torch and mlflow are imported.

    Called before anything else is imported: what libraries do at exit is then done first.
    """
    atexit.register(_leave)


def exit_code() -> int:
    """The exit code of this process, once it ends."""
    return _code & 0xFF


def _end(code: str | int | None) -> None:
    global _code  # noqa: PLW0603  (the exit code reaches no handler of `atexit`)
    _code = code if isinstance(code, int) else int(code is not None)
    sys.exit(code)


def _leave() -> None:
    for stream in filter(None, (sys.stdout, sys.stderr)):
        try:
            stream.flush()
        except OSError:
            os._exit(120)  # as the interpreter does
    os._exit(exit_code())
