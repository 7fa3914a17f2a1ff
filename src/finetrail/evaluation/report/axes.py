"""The axes of a figure, and lines with intervals on them: inline SVG, see drawing.py."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count
from xml.etree.ElementTree import Element

from markupsafe import Markup

from finetrail.evaluation.report.drawing import canvas, draw, finish, number, path, shorten, ticks, write
from finetrail.evaluation.scores.bootstrap import Interval
from finetrail.evaluation.scores.metric import setting

LEFT, TOP, WIDTH, HEIGHT = 62.0, 14.0, 300.0, 170.0


@dataclass(frozen=True)
class Axis:
    """One axis. Attributes: title: what it shows, with its unit; marks: where its ticks are, the ends included."""

    title: str
    marks: tuple[float, ...]

    @staticmethod
    def over(title: str, values: Sequence[float]) -> "Axis":
        """An axis with round ticks around the finite ones of some values."""
        finite = [value for value in values if math.isfinite(value)] or [0.0]
        return Axis(title, tuple(ticks(min(finite), max(finite))))

    @staticmethod
    def counting(title: str, last: float) -> "Axis":
        """An axis from 0 with whole ticks."""
        steps = (factor * 10**power for power in count() for factor in (1, 2, 5))
        step = next(step for step in steps if last <= 6 * step)
        return Axis(title, tuple(float(mark) for mark in range(0, max(1, math.ceil(last)) + step, step)))

    def share(self, value: float) -> float:
        """Where a value lies between the ends."""
        return (value - self.marks[0]) / ((self.marks[-1] - self.marks[0]) or 1.0)

    def label(self, mark: float) -> str:
        """What stands at a tick."""
        said = f"{mark:g}"
        return setting(mark) if "e" in said else said


@dataclass(frozen=True)
class LogAxis(Axis):
    """An axis on which equal factors are equal distances; its marks are above 0."""

    @staticmethod
    def over(title: str, values: Sequence[float]) -> "LogAxis":
        """Ticks at 1, 2, 5, 10, 20, ... around some values above 0; over more than two decades at powers of ten."""
        low, high = math.log10(min(values)), math.log10(max(values))
        steps = (1, 2, 5) if high - low <= 2 else (1,)
        decades = range(math.floor(low + 1e-9), math.ceil(high - 1e-9) + 1)
        marks = [step * 10.0**decade for decade in decades for step in steps]
        first = max(place for place, mark in enumerate(marks) if place == 0 or math.log10(mark) <= low + 1e-9)
        last = next((place for place, mark in enumerate(marks) if place > first and math.log10(mark) >= high - 1e-9))
        return LogAxis(title, tuple(marks[first : last + 1]))

    def share(self, value: float) -> float:
        """Where a value lies between the ends."""
        low, high = math.log10(self.marks[0]), math.log10(self.marks[-1])
        return (math.log10(value) - low) / (high - low)

    def label(self, mark: float) -> str:
        """What stands at a tick."""
        return setting(mark)


@dataclass(frozen=True)
class NamedAxis(Axis):
    """An axis of categories: the value of each is its place, from 0. Attributes: names: of all, in order."""

    names: tuple[str, ...] = ()

    @staticmethod
    def of(title: str, names: Sequence[str]) -> "NamedAxis":
        """An axis with room around each category."""
        return NamedAxis(title, tuple(float(place) for place in range(len(names))), tuple(names))

    def share(self, value: float) -> float:
        """Where a value lies between the ends."""
        return (value + 0.5) / len(self.names)

    def label(self, mark: float) -> str:
        """What stands at a tick."""
        return shorten(self.names[int(mark)], 14)


def label_across(svg: Element, axis: Axis, left: float, width: float, bottom: float) -> None:
    """Draw the ticks and the title of an axis across, below a figure."""
    for value in axis.marks:
        write(svg, axis.label(value), kind="tick middle", x=left + axis.share(value) * width, y=bottom + 18)
    write(svg, axis.title, kind="axis", x=left + width / 2, y=bottom + 38)


@dataclass(frozen=True)
class Rows:
    """Named rows over one axis across. Attributes: count: of rows; left, top: room for their names and a legend."""

    axis: Axis
    count: int
    left: float
    top: float
    width: float
    step: float

    @property
    def bottom(self) -> float:
        """Where the axis lies."""
        return self.top + self.step * self.count

    def x(self, value: float) -> float:
        """Where a value lies."""
        return self.left + self.axis.share(value) * self.width

    def y(self, row: int) -> float:
        """The middle of a row, from 0."""
        return self.top + self.step * (row + 0.5)

    def start(self, description: str) -> Element:
        """A figure with the axis; a screen reader says `description`."""
        svg = canvas(self.left + self.width + 24, self.bottom + 44, description)
        for value in self.axis.marks:
            draw(svg, "line", kind="grid", x1=self.x(value), y1=self.top, x2=self.x(value), y2=self.bottom)
        label_across(svg, self.axis, self.left, self.width, self.bottom)
        return svg


@dataclass(frozen=True)
class Plane:
    """The room between two axes. Attributes: top: free room above, for a legend; width: of the axis across."""

    across: Axis
    up: Axis
    top: float = TOP
    width: float = WIDTH

    @property
    def bottom(self) -> float:
        """Where the axis across lies."""
        return self.top + HEIGHT

    def place(self, x: float, y: float) -> tuple[float, float]:
        """Where a point lies in the figure."""
        return (LEFT + self.across.share(x) * self.width, self.top + (1 - self.up.share(y)) * HEIGHT)

    def start(self, description: str) -> Element:
        """A figure with both axes and their titles; a screen reader says `description`."""
        svg = canvas(LEFT + self.width + 20, self.bottom + 44, description)
        for value in self.up.marks:
            y = self.top + (1 - self.up.share(value)) * HEIGHT
            draw(svg, "line", kind="grid", x1=LEFT, y1=y, x2=LEFT + self.width, y2=y)
            write(svg, self.up.label(value), kind="tick end", x=LEFT - 8, y=y + 4)
        label_across(svg, self.across, LEFT, self.width, self.bottom)
        middle = self.top + HEIGHT / 2
        write(svg, self.up.title, kind="axis", x=14, y=middle, transform=f"rotate(-90 14 {number(middle)})")
        return svg


@dataclass(frozen=True)
class At:
    """A measurement. Attributes: said: what the pointer over it shows."""

    x: float
    value: Interval
    said: str


@dataclass(frozen=True)
class Line:
    """Measurements joined by a line; with a name they stand in a legend. Attributes: fitted: dashed, without dots."""

    points: Sequence[At]
    name: str = ""
    fitted: bool = False

    @property
    def kind(self) -> str:
        """What the style sheet calls it, besides its colour."""
        return "curve ideal" if self.fitted else "curve"


def interval_figure(description: str, across: Axis, up: Axis, lines: Sequence[Line]) -> Markup | None:
    """Draw lines whose points have intervals; None where a value is no finite number.

    Args:
        description: what a screen reader says.
    """
    ends = [end for line in lines for at in line.points for end in (at.value.value, at.value.low, at.value.high)]
    if not all(math.isfinite(end) for end in ends):
        return None
    named = [line for line in lines if line.name]
    top = TOP + 20.0 * len(named)
    plane = Plane(across, up, top)
    svg = plane.start(description)
    place = plane.place
    for nth, line in enumerate(lines):
        colour = f"c{nth % 3}"
        draw(
            svg,
            "polyline",
            kind=f"{line.kind} {colour}",
            points=path([place(at.x, at.value.value) for at in line.points]),
        )
        for at in () if line.fitted else line.points:
            (x, y), (_, low), (_, high) = (place(at.x, end) for end in (at.value.value, at.value.low, at.value.high))
            draw(svg, "line", kind=f"curve {colour} thin", x1=x, y1=low, x2=x, y2=high)
            dot = draw(svg, "circle", kind=f"dot {colour}", cx=x, cy=y, r=3.5)
            draw(dot, "title", f"{line.name}, {at.said}" if line.name else at.said)
    for nth, line in enumerate(named):
        y = 12 + 20 * nth
        draw(svg, "line", kind=f"{line.kind} c{nth % 3}", x1=LEFT, y1=y, x2=LEFT + 18, y2=y)
        write(svg, line.name, kind="legend", x=LEFT + 24, y=y + 4)
    return finish(svg)
