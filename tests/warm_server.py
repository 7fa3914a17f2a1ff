"""One server for the processes of finetrail that this process's tests start: forks, which import nothing."""

import atexit
import os
import shutil
import tempfile
from contextlib import ExitStack
from functools import cache
from pathlib import Path

from finetrail.warm.place import FOLDER, kept
from tests.conftest import SETTINGS

REPOSITORY = Path(__file__).parents[1]


def environment() -> dict[str, str]:
    """That of this process without what pytest and libraries added, for which each process would get its own server."""
    first = _first_environment()
    return {name: value for name, value in os.environ.items() if name in first or name in SETTINGS}


def share_server(folder: Path) -> None:
    """Let the stages of a workspace be forked from the one server, unless it has its own."""
    place = folder / FOLDER
    if not place.exists():
        place.parent.mkdir(exist_ok=True)
        place.unlink(missing_ok=True)
        place.symlink_to(_shared() / FOLDER)


def leave_server(folder: Path) -> None:
    """Let a workspace have its own server again: what it runs now has another environment."""
    if (folder / FOLDER).is_symlink():
        (folder / FOLDER).unlink()


@cache
def _shared() -> Path:
    until_the_end = ExitStack()
    atexit.register(until_the_end.close)
    folder = Path(until_the_end.enter_context(tempfile.TemporaryDirectory(prefix="warm-")))
    shutil.copyfile(REPOSITORY / "requirements.lock", folder / "requirements.lock")
    # Its stages have the environment that this process began with; so have its clean processes.
    until_the_end.enter_context(kept(folder, _first_environment()))
    return folder


def _first_environment() -> dict[str, str]:
    entries = Path("/proc/self/environ").read_text(encoding="utf-8").split("\0")
    return dict(entry.split("=", 1) for entry in entries if entry)
