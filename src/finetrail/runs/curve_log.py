"""Send the curves of a run to MLflow during training."""

import logging
import signal
import threading
import time
from collections.abc import Iterator, Sequence, Set
from contextlib import contextmanager
from types import FrameType

from finetrail.errors import TrackingError
from finetrail.runs.record import curve_metrics
from finetrail.runs.tracking import Tracker

log = logging.getLogger(__name__)

ATTEMPT = "finetrail.attempt"
"""The tag that holds an attempt's key."""


class CurveLog:
    """Mirrors a run's curves to MLflow during training. A server that is down for a while does not stop training.

    The files are the truth and MLflow shows them. Points that could not be sent are sent with later ones.

    Args:
        known: name and step of the values that the run already has from before a crash; they are not sent again.
        pause: seconds to wait after a failed try, because training waits during each try.
    """

    def __init__(
        self, tracker: Tracker, run_id: str, known: Set[tuple[str, int]] = frozenset(), pause: float = 60.0
    ) -> None:
        self._tracker = tracker
        self.run_id = run_id
        self._known = known
        self._pause = pause
        self._ask_from = 0.0
        self._pending: list[tuple[dict[str, float], int, int]] = []

    def __call__(self, curve: str, step: int, point: dict[str, float]) -> None:
        """Send a point; see `finetrail.training.steps.Observer`."""
        self._add(curve_metrics(curve, point), step)
        if time.monotonic() >= self._ask_from:
            with _interrupted_later():
                self._send()

    def close(self, final: dict[str, float], status: str) -> None:
        """Send what is left and close the run; if it stays open, the next stage rebuilds it from files."""
        self._add(final, 0)
        with _interrupted_later():
            if self._send():
                try:
                    self._tracker.end(self.run_id, status)
                except TrackingError as error:
                    log.warning("%s; the run will be rebuilt from its files", error)

    def _add(self, values: dict[str, float], step: int) -> None:
        new = {name: value for name, value in values.items() if (name, step) not in self._known}
        if new:
            self._pending.append((new, step, time.time_ns() // 1_000_000))

    def _send(self) -> bool:
        try:
            while self._pending:
                self._tracker.log(self.run_id, *self._pending[0])
                self._pending.pop(0)
        except TrackingError as error:
            self._ask_from = time.monotonic() + self._pause
            log.warning("%s; training continues, %d points wait", error, len(self._pending))
        return not self._pending


def open_log(
    tracker: Tracker,
    *,
    key: str,
    superseded: Sequence[str],
    name: str,
    params: dict[str, str],
    tags: dict[str, str],
    datasets: list[dict[str, str]],
) -> CurveLog:
    """Open the MLflow run of an attempt: a new one, or the one that was cut off.

    Args:
        key: of the attempt; a tag that finds its run again, whatever was written before a crash.
        superseded: the keys of attempts that will not continue; their runs are ended if still running.
    """
    for old in superseded:
        left = tracker.find(ATTEMPT, old, running=True)
        if left is not None:
            tracker.end(left, "KILLED")
    run_id = tracker.find(ATTEMPT, key)
    if run_id is not None:
        tracker.fill(run_id, name, params, datasets)  # it may have been cut off before it was filled
        return CurveLog(tracker, run_id, tracker.reopen(run_id))
    return CurveLog(tracker, tracker.start(name, params, tags | {ATTEMPT: key}, datasets))


@contextmanager
def _interrupted_later() -> Iterator[None]:
    """Delay Ctrl-C to the end of this context; a second one acts at once.

    An exception inside a transaction leaves the database locked, and closing the run would wait for the lock.
    """
    if threading.current_thread() is not threading.main_thread():  # signals go to the main thread
        yield
        return
    waiting: list[int] = []

    def note(number: int, frame: FrameType | None) -> None:
        waiting.append(number)
        if len(waiting) > 1:
            raise KeyboardInterrupt

    before = {number: signal.signal(number, note) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler or signal.SIG_DFL)
    for came in waiting:
        signal.raise_signal(came)
