"""Quality against one cost, with the Pareto front, as a figure: inline SVG, see `evaluation.report.drawing`."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from xml.etree.ElementTree import Element

from markupsafe import Markup

from finetrail.commands.compare.costs import Cost
from finetrail.evaluation.report.drawing import canvas, draw, finish, path, ticks, write
from finetrail.evaluation.scores.bootstrap import Interval
from finetrail.evaluation.scores.metric import Metric

LEFT, TOP, WIDTH, HEIGHT = 44.0, 28.0, 304.0, 210.0
DECADE = 10.0
"""Costs further apart than this factor are drawn on a logarithmic scale."""
LABEL = (7.0, 12.0)
"""Width of a digit and height of a line."""


@dataclass(frozen=True)
class Point:
    """A candidate. Attributes: number: that stands beside it; front: whether it is on the Pareto front."""

    name: str
    number: int
    cost: float
    value: Interval
    front: bool
    chosen: bool


@dataclass(frozen=True)
class _Axes:
    """Where values are drawn. Attributes: across, up: the two ends of each axis."""

    across: tuple[float, float]
    up: tuple[float, float]
    log: bool

    def x(self, cost: float) -> float:
        low, high, at = (math.log10(one) if self.log else one for one in (*self.across, cost))
        return LEFT + WIDTH * (at - low) / (high - low)

    def y(self, value: float) -> float:
        low, high = self.up
        return TOP + HEIGHT * (1 - (value - low) / (high - low))


def scatter(points: Sequence[Point], cost: Cost, metric: Metric) -> Markup:
    """Draw the candidates; bars are their intervals, and the line is the Pareto front."""
    y_ticks = ticks(min(one.value.low for one in points), max(one.value.high for one in points))
    across, x_ticks, log = _scale([one.cost for one in points])
    axes = _Axes(across, (y_ticks[0], y_ticks[-1]), log)
    svg = canvas(LEFT + WIDTH + 12, TOP + HEIGHT + 44, f"Validation {metric.title} against {cost.axis}")
    for value in y_ticks:
        draw(svg, "line", kind="grid", x1=LEFT, y1=axes.y(value), x2=LEFT + WIDTH, y2=axes.y(value))
        write(svg, f"{value:g}", kind="tick end", x=LEFT - 6, y=axes.y(value) + 4)
    for at in x_ticks:
        draw(svg, "line", kind="grid", x1=axes.x(at), y1=TOP, x2=axes.x(at), y2=TOP + HEIGHT)
        write(svg, _short(at), kind="tick middle", x=axes.x(at), y=TOP + HEIGHT + 16)
    write(svg, metric.title, kind="tick", x=0, y=12)
    title = f"{cost.axis}{', logarithmic' if log else ''}"
    write(svg, title, kind="axis", x=LEFT + WIDTH / 2, y=TOP + HEIGHT + 36)
    _front(svg, axes, [one for one in points if one.front], metric)
    for one in points:
        x = axes.x(one.cost)
        draw(svg, "line", kind="bar-of", x1=x, y1=axes.y(one.value.low), x2=x, y2=axes.y(one.value.high))
    for one in points:
        kind = f"dot {'c0' if one.front else 'behind'}{' picked' if one.chosen else ''}"
        dot = draw(svg, "circle", kind=kind, cx=axes.x(one.cost), cy=axes.y(one.value.value), r=5)
        said = [metric.say(each) for each in (one.value.value, one.value.low, one.value.high)]
        draw(dot, "title", f"{one.name}: {said[0]} ({said[1]} to {said[2]}), {cost.say(one.cost)} {cost.unit}".rstrip())
    _labels(svg, axes, points)
    return finish(svg)


def _front(svg: Element, axes: _Axes, members: Sequence[Point], metric: Metric) -> None:
    """Steps: between two members, the cheaper one is the best that can be had."""
    corners: list[tuple[float, float]] = []
    for one in sorted(members, key=lambda one: (one.cost, metric.goodness(one.value.value))):
        x, y = axes.x(one.cost), axes.y(one.value.value)
        corners += [(x, corners[-1][1]), (x, y)] if corners else [(x, y)]
    if corners:
        draw(svg, "polyline", kind="curve c0 thin", points=path([*corners, (LEFT + WIDTH, corners[-1][1])]))


def _labels(svg: Element, axes: _Axes, points: Sequence[Point]) -> None:
    """A number beside each dot, clear of the lines through it, and where it hides no other one if there is a place."""
    taken = [(axes.x(one.cost) - 5, axes.y(one.value.value) - 5, 10.0, 10.0) for one in points]
    for one in points:
        width, height = LABEL[0] * len(str(one.number)), LABEL[1]
        x, y = axes.x(one.cost), axes.y(one.value.value)
        places = [
            (x + across - (width if across < 0 else 0), y + down - height / 2)
            for distance in (8, 18, 28)
            for down in (-10, 10, 0, -20, 20)
            for across in (distance, -distance)
        ]
        inside = [one for one in places if LEFT < one[0] < LEFT + WIDTH - width and TOP < one[1] < TOP + HEIGHT]
        free = [one for one in inside if not any(_overlap((*one, width, height), other) for other in taken)]
        left, top = (free or inside or places)[0]
        taken.append((left, top, width, height))
        write(svg, str(one.number), kind="named", x=left, y=top + height - 2)


def _overlap(one: tuple[float, float, float, float], other: tuple[float, float, float, float]) -> bool:
    return all(one[k] < other[k] + other[k + 2] and other[k] < one[k] + one[k + 2] for k in (0, 1))


def _scale(values: Sequence[float]) -> tuple[tuple[float, float], list[float], bool]:
    """Both ends of an axis, with room around the values; its ticks; and whether it is logarithmic."""
    low, high = min(values), max(values)
    if low > 0 and high / low >= DECADE:
        ends = (low / 1.6, high * 1.6)
        decades = range(math.floor(math.log10(ends[0])), math.ceil(math.log10(ends[1])) + 1)
        steps = (1, 2, 5) if high / low < 100 else (1,)
        return ends, [step * 10.0**k for k in decades for step in steps if ends[0] <= step * 10.0**k <= ends[1]], True
    room = 0.1 * ((high - low) or abs(high) or 1.0)
    ends = (low - room, high + room)
    return ends, [one for one in ticks(*ends, about=4) if ends[0] <= one <= ends[1]], False


def _short(value: float) -> str:
    """A tick: 500, 10k, 20M."""
    for unit, name in ((1e9, "B"), (1e6, "M"), (1e3, "k")):
        if value >= unit and (unit > 1e3 or value >= 1e4):
            return f"{value / unit:g}{name}"
    return f"{value:g}"
