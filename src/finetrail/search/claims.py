"""Who may do what for a study: rights that one process has at a time, and that a dead process loses."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Protocol

from filelock import FileLock, Timeout


class Claim(Protocol):
    """The right to do one thing, such as a trial."""

    def release(self) -> None:
        """Give it back."""


class Claims(Protocol):
    """The rights that all processes at work on a study share out among themselves."""

    def alone(self) -> AbstractContextManager[None]:
        """A context in which no other process decides what comes next, so that the next one knows of it."""

    def take(self, what: str) -> Claim | None:
        """The right to something that another process may be at; None while that process lives."""

    def begin(self, what: str) -> Claim:
        """The right to something that no other process knows of yet."""


class FileClaims:
    """Locks of the file system, for the processes of one machine: the system frees those of a dead process.

    Args:
        folder: for the locks.
        study: tells the rights of this study from those of others in the folder.
    """

    def __init__(self, folder: Path, study: str) -> None:
        self._folder, self._study = folder, study
        folder.mkdir(parents=True, exist_ok=True)

    @contextmanager
    def alone(self) -> Iterator[None]:
        """See `Claims`."""
        with FileLock(self._folder / "next.lock"):
            yield

    def take(self, what: str) -> Claim | None:
        """See `Claims`."""
        lock = self._lock(what)
        try:
            lock.acquire(timeout=0)
        except Timeout:
            return None
        return lock

    def begin(self, what: str) -> Claim:
        """See `Claims`."""
        lock = self._lock(what)
        lock.acquire()
        return lock

    def _lock(self, what: str) -> FileLock:
        return FileLock(self._folder / f"{self._study}-{what}.lock")
