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
        epochs, steps: of the whole training.
        pause: the least number of seconds between two lines.
    """

    def __init__(
        self,
        heard: Observer,
        tell: Callable[[str], None],
        metric: Metric,
        *,
        epochs: float,
        steps: int,
        pause: float = PAUSE,
    ) -> None:
        self._heard, self._tell, self._metric = heard, tell, metric
        self._epochs, self._steps, self._pause = epochs, steps, pause
        self._said = time.monotonic()
        self._last: tuple[float, int] | None = None
        self._loss: float | None = None  # none where an evaluation comes before the first point of the curve

    def __call__(self, curve: str, step: int, point: Point) -> None:
        """See `finetrail.training.steps.Observer`."""
        self._heard(curve, step, point)
        if curve == "train":
            self._loss = point["loss"]
            return
        now = time.monotonic()
        before, self._last = self._last, (now, step)
        if now - self._said < self._pause:
            return
        self._said = now
        metric, left = self._metric, ""
        found = "" if metric.name == "loss" else f", {metric.title} {metric.say(point[metric.name])}"
        # By steps, because epochs are rounded; after a resume, only what both points saw counts.
        if before is not None and before[1] < step < self._steps:
            seconds = (now - before[0]) / (step - before[1]) * (self._steps - step)
            left = f"; about {duration(seconds)} left"
        loss = "" if self._loss is None else f"loss {self._loss:.4f}, "
        self._tell(
            f"epoch {point['epoch']:g} of {self._epochs:g}, step {step}: {loss}"
            f"validation loss {point['loss']:.4f}{found}{left}"
        )
