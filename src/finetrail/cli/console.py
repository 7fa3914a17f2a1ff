"""What the command line shows: lines on stdout, progress on stderr, one line per error."""

import errno
import functools
import logging
import os
import sys
import traceback
from collections.abc import Callable, Iterable
from pathlib import Path
from types import TracebackType
from typing import Any, ParamSpec, TypeVar

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeRemainingColumn
from rich.text import Text

from finetrail.data.shown import for_terminal
from finetrail.errors import FinetrailError, WorkspaceError
from finetrail.quiet import quiet_libraries
from finetrail.redaction import without_secrets
from finetrail.workspace import Workspace, lacking

P = ParamSpec("P")
R = TypeVar("R")
T = TypeVar("T")


class _Plain(Console):
    """A console for what users wrote: no markup is obeyed, and no control character reaches the terminal."""

    def __init__(self, *, stderr: bool = False) -> None:
        super().__init__(stderr=stderr, markup=False, highlight=False, emoji=False, soft_wrap=True)

    def print(self, *objects: Any, **rest: Any) -> None:
        super().print(*map(_visible, objects), **rest)


def _visible(part: object) -> object:
    if isinstance(part, str):
        return Text(for_terminal(part))
    if isinstance(part, Text) and for_terminal(part.plain) != part.plain:
        return Text(for_terminal(part.plain), part.style)
    return part


out = _Plain()
_err = _Plain(stderr=True)


def bar(items: Iterable[T], *, total: int | None, what: str) -> Iterable[T]:
    """The `Track` of the command line: a progress bar on stderr, or nothing if stderr is not a terminal."""
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=_err, transient=True, disable=not _err.is_terminal) as progress:
        yield from progress.track(items, total=total, description=what)


def one_line_errors(command: Callable[P, R]) -> Callable[P, R]:
    """Turn an error that a user can act on into one line and an exit code; with $FINETRAIL_DEBUG, let it through."""

    @functools.wraps(command)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> R:
        quiet_libraries()
        _hear_libraries()
        sys.excepthook = _traceback
        try:
            return command(*args, **kwargs)
        except (FinetrailError, OSError) as error:
            if os.environ.get("FINETRAIL_DEBUG"):
                raise
            known = error if isinstance(error, FinetrailError) else _from_system(error)
            if known is None:
                raise
            message = for_terminal(without_secrets(" ".join(str(known).split())))
            _err.print(Text.assemble((type(known).__name__, "bold red"), ": ", message))
            sys.exit(known.exit_code)
        finally:
            out.stderr = False  # as `--json -` had left it

    return guarded


class _Lines(logging.Handler):
    """Prints a warning as one line, however narrow the terminal; beside a progress bar it gets its own line."""

    def emit(self, record: logging.LogRecord) -> None:
        said = without_secrets(self.format(record))
        _err.print(Text.assemble((record.levelname.lower(), "bold yellow"), ": ", for_terminal(said)))


def _traceback(kind: type[BaseException], error: BaseException, at: TracebackType | None) -> None:
    """What an unexpected error says, without the secrets that stand in its lines and values."""
    sys.stderr.write(without_secrets("".join(traceback.format_exception(kind, error, at))))


def _from_system(error: OSError) -> FinetrailError | None:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return WorkspaceError(
            f"no space is left on the disk ({error.filename or 'while writing'}); free some and run again: "
            "the earlier results are untouched, `dvc checkout` restores what DVC had put aside"
        )
    if error.errno in (errno.EACCES, errno.EROFS):
        return WorkspaceError(f"{error.filename} cannot be written or read ({error.strerror}); correct its permissions")
    if isinstance(error, FileNotFoundError):
        # DVC takes the outs of a stage away before it runs, and one that fails leaves none.
        path = Path(os.fsdecode(error.filename or str(error)))
        stage = Workspace(Path.cwd()).stage_of(path)
        return lacking(path, stage) if stage else None
    return None


def _hear_libraries() -> None:
    """Warnings of every library are lines of this command, and chatter is not heard."""
    logging.basicConfig(level=logging.WARNING, format="%(message)s", handlers=[_Lines(logging.WARNING)])
    for noisy in ("alembic", "mlflow.store.db.utils", "mlflow.tracking.fluent", "httpx", "urllib3"):
        logging.getLogger(noisy).setLevel(logging.ERROR)
