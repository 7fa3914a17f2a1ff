"""How the library shows progress without printing: the caller passes in a `Track`. Durations in words."""

from collections.abc import Iterable
from typing import Protocol, TypeVar

T = TypeVar("T")


class Track(Protocol):
    """Wraps an iterable and shows its progress; the command line passes a progress bar."""

    def __call__(self, items: Iterable[T], *, total: int | None, what: str) -> Iterable[T]:
        """Yield the items one by one. Args: total: their number, if known. what: a short phrase to show."""
        ...


def quiet(items: Iterable[T], *, total: int | None, what: str) -> Iterable[T]:
    """The `Track` that shows nothing: for tests, and for use as a library."""
    return items


def duration(seconds: float) -> str:
    """How long something takes, roughly."""
    if seconds < 120:
        return f"{max(1, round(seconds))} seconds"
    return f"{round(seconds / 60)} minutes" if seconds < 7200 else f"{seconds / 3600:.1f} hours"
