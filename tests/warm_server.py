"""One server for the processes of finetrail that tests start in a folder: forks, which import nothing."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from finetrail.warm.place import kept
from tests.conftest import SETTINGS


def environment() -> dict[str, str]:
    """That of this process without what pytest and libraries added, for which each process would get its own server."""
    first = _first_environment()
    return {name: value for name, value in os.environ.items() if name in first or name in SETTINGS}


@contextmanager
def warm_server(folder: Path) -> Iterator[None]:
    """Keep a server for a folder with params.yaml, as a flow does for its clone.

    It serves stages of DVC, and clean processes, which have the environment that this process began with.
    """
    with kept(folder, _first_environment()):
        yield


def _first_environment() -> dict[str, str]:
    entries = Path("/proc/self/environ").read_text(encoding="utf-8").split("\0")
    return dict(entry.split("=", 1) for entry in entries if entry)
