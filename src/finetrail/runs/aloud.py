"""A training that says how far it is, for terminals that show no bar, and for logs."""

import time
from collections.abc import Callable

from finetrail.evaluation.scores.metric import Metric, Point
from finetrail.progress import duration
from finetrail.training.steps import Observer

PAUSE = 5.0
"""Seconds between two lines: a training that takes less says nothing on its way."""


class Aloud:
    """Passes the points of the curves on, and tells of evaluations in a line.

    Args:
        heard: gets every point first.
        tell: hears the lines.
        metric: what the best epoch is chosen by.
        epochs: of the whole training.
        pause: the least number of seconds between two lines.
    """

    def __init__(
        self, heard: Observer, tell: Callable[[str], None], metric: Metric, epochs: float, pause: float = PAUSE
    ) -> None:
        self._heard, self._tell, self._metric = heard, tell, metric
        self._epochs, self._pause = epochs, pause
        self._said = time.monotonic()
        self._last: tuple[float, float] | None = None
        self._loss = float("nan")

    def __call__(self, curve: str, step: int, point: Point) -> None:
        """See `finetrail.training.steps.Observer`."""
        self._heard(curve, step, point)
        if curve == "train":
            self._loss = point["loss"]
            return
        now, epoch = time.monotonic(), point["epoch"]
        before, self._last = self._last, (now, epoch)
        if now - self._said < self._pause:
            return
        self._said = now
        metric, left = self._metric, ""
        found = "" if metric.name == "loss" else f", {metric.title} {metric.say(point[metric.name])}"
        if before is not None and epoch < self._epochs:  # after a resume, only what both points saw counts
            seconds = (now - before[0]) / (epoch - before[1]) * (self._epochs - epoch)
            left = f"; about {duration(seconds)} left"
        self._tell(
            f"epoch {epoch:g} of {self._epochs:g}, step {step}: loss {self._loss:.4f}, "
            f"validation loss {point['loss']:.4f}{found}{left}"
        )
