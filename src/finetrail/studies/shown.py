"""What all figures of a study share: the axes, and how a trial is drawn and described."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from statistics import median
from xml.etree.ElementTree import Element

from finetrail.evaluation.report.axes import Axis, LogAxis, NamedAxis
from finetrail.evaluation.report.drawing import draw, write
from finetrail.evaluation.scores.metric import Metric, amount, setting
from finetrail.runs.dimension import Dimension
from finetrail.runs.study import Study, Trial

COSTS = {"latency": "latency (ms a row)", "parameters": "parameters", "seconds": "training time (s)"}
"""Titles of the costs that may be searched for, with their units."""
_FAR = 5.0
"""How many times further from the best than the median a value may lie before it leaves the axis."""
_FEW = 6
"""So many integers get a tick each."""


@dataclass(frozen=True)
class Shown:
    """A study as its page shows it."""

    study: Study
    metric: Metric

    @cached_property
    def complete(self) -> list[tuple[Trial, float]]:
        """The complete trials with their values, by number."""
        return [(one, one.value) for one in self.study.of("complete") if one.value is not None]

    @cached_property
    def ranked(self) -> list[Trial]:
        """All trials: the complete ones, the best first, then those that were pruned, then those that failed."""
        ended = {"complete": 0, "pruned": 1, "failed": 2}

        def place(one: Trial) -> tuple[int, float, int]:
            value = self.study.last_value(one)
            return (ended[one.state], math.inf if value is None else -self.metric.goodness(value), one.number)

        return sorted(self.study.trials, key=place)

    @cached_property
    def values(self) -> Axis:
        """The axis of the metric: of all values but those far worse than most, which are drawn at its end."""
        values = [value for one in self.study.trials if (value := self.study.last_value(one)) is not None]
        good = sorted((self.metric.goodness(value) for value in values), reverse=True)
        if good and good[0] > median(good):
            fence = median(good) - _FAR * (good[0] - median(good))
            values = [value for value in values if self.metric.goodness(value) >= fence]
        return Axis.over(self.metric.on_axis, values)

    @property
    def worst(self) -> float:
        """The worse end of that axis, where a trial without a value is drawn."""
        return self.values.marks[-1 if self.metric.lower else 0]

    def within(self, value: float) -> float:
        """The value, or the end of the axis that it lies beyond."""
        return min(max(value, self.values.marks[0]), self.values.marks[-1])

    def said(self, one: Trial) -> str:
        """What the pointer over a trial shows."""
        value = self.study.last_value(one)
        found = "" if value is None else f", {self.metric.say(value)}"
        cost = "" if one.cost is None else f", {amount(one.cost)} {self.study.cost}"
        reason = "" if one.reason is None else f" ({one.reason})"
        state = "" if one.state == "complete" else f", {one.state}{reason}"
        return f"trial {one.number}{state}{found}{cost}: {self.settings(one)}"

    def settings(self, one: Trial) -> str:
        """The settings of a trial, in a line."""
        names = self.study.short_names
        active = [name for name in names if name in one.parameters]
        return " · ".join(f"{names[name]} {setting(one.parameters[name])}" for name in active)

    def axis_of(self, one: Dimension) -> Axis:
        """The axis of a searched setting, over all that was searched; logarithmic where the search was."""
        title = self.study.short_names[one.name]
        if one.low is None or one.high is None:
            return NamedAxis.of(title, [setting(choice) for choice in one.choices or ()])
        if one.on_log_scale:
            return LogAxis.over(f"{title} (log scale)", [one.low, one.high])
        if one.kind == "int" and one.high - one.low <= _FEW:
            return Axis(title, tuple(float(value) for value in range(int(one.low), int(one.high) + 1)))
        return Axis.over(title, [one.low, one.high])

    def place_of(self, one: Dimension, trial: Trial) -> float | None:
        """Where a trial lies on the axis of a setting; None where the setting was not active."""
        if one.name not in trial.parameters:
            return None
        value = trial.parameters[one.name]
        if one.choices is not None:
            return float([(type(choice), choice) for choice in one.choices].index((type(value), value)))
        return float(value or 0)


def mark(svg: Element, shape: str, at: tuple[float, float], said: str = "", colour: str = "c0") -> None:
    """Draw a trial: a `dot`, a `ring` (pruned) or a `cross` (failed), so that no colour is needed to tell them."""
    x, y = at
    if shape == "cross":
        drawn = draw(svg, "g", kind=f"curve {colour} thin")
        draw(drawn, "line", x1=x - 4, y1=y - 4, x2=x + 4, y2=y + 4)
        draw(drawn, "line", x1=x - 4, y1=y + 4, x2=x + 4, y2=y - 4)
    else:
        kind = f"curve {colour} thin" if shape == "ring" else f"dot {colour}"
        drawn = draw(svg, "circle", kind=kind, cx=x, cy=y, r=3.5)
    if said:
        draw(drawn, "title", said)


def legend(svg: Element, left: float, items: Sequence[tuple[str, str, str]]) -> None:
    """Name what is drawn, in a line at the top. Args: items: shape (or `line`), colour and name of each."""
    for shape, colour, name in items:
        if shape == "line":
            draw(svg, "line", kind=f"curve {colour}", x1=left, y1=10, x2=left + 14, y2=10)
        else:
            mark(svg, shape, (left + 6, 10), colour=colour)
        write(svg, name, kind="legend", x=left + 19, y=14)
        left += 34 + 6.2 * len(name)
