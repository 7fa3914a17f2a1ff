"""The curves of a run on their way to MLflow while training goes on."""

import logging
import time

from finetrail.errors import TrackingError
from finetrail.runs import curve_metrics
from finetrail.tracking import Tracker

log = logging.getLogger(__name__)


class CurveLog:
    """Mirrors a training run's curves to MLflow while it goes on. A server that is away for a while stops nothing.

    The files are the truth and MLflow shows them: points that could not be sent are kept and sent with later ones.

    Args:
        pause: seconds in which a server that did not answer is not asked again; each try costs training its patience.
    """

    def __init__(self, tracker: Tracker, run_id: str, pause: float = 60.0) -> None:
        self._tracker = tracker
        self._run_id = run_id
        self._pause = pause
        self._ask_from = 0.0
        self._pending: list[tuple[dict[str, float], int]] = []

    def __call__(self, curve: str, step: int, point: dict[str, float]) -> None:
        """Send a point; see `finetrail.training.loop.Observer`."""
        self._pending.append((curve_metrics(curve, point), step))
        if time.monotonic() >= self._ask_from:
            self._send()

    def close(self, final: dict[str, float], status: str) -> None:
        """Send what is left and close the run; a run that stays open is rebuilt from files by the next stage."""
        self._pending.append((final, 0))
        if self._send():
            try:
                self._tracker.end(self._run_id, status)
            except TrackingError as error:
                log.warning("%s; the run will be rebuilt from its files", error)

    def _send(self) -> bool:
        try:
            while self._pending:
                self._tracker.log(self._run_id, *self._pending[0])
                self._pending.pop(0)
        except TrackingError as error:
            self._ask_from = time.monotonic() + self._pause
            log.warning("%s; training goes on, %d points wait", error, len(self._pending))
        return not self._pending
