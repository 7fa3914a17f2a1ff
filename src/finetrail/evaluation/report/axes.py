"""The axes of a figure, and lines with intervals on them: inline SVG, see drawing.py."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from xml.etree.ElementTree import Element

from markupsafe import Markup

from finetrail.evaluation.report.drawing import canvas, draw, finish, number, path, ticks
from finetrail.evaluation.scores.bootstrap import Interval

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

    def share(self, value: float) -> float:
        """Where a value lies between the ends."""
        return (value - self.marks[0]) / ((self.marks[-1] - self.marks[0]) or 1.0)


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
    svg = canvas(LEFT + WIDTH + 14, top + HEIGHT + 44, description)
    grid(svg, across, up, top)
    place = partial(placed, across, up, top=top)
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
        draw(svg, "text", line.name, kind="legend", x=LEFT + 24, y=y + 4)
    return finish(svg)


def placed(across: Axis, up: Axis, x: float, y: float, *, top: float = TOP) -> tuple[float, float]:
    """Where a point lies in the figure."""
    return (LEFT + across.share(x) * WIDTH, top + (1 - up.share(y)) * HEIGHT)


def grid(svg: Element, across: Axis, up: Axis, top: float = TOP) -> None:
    """Draw both axes with their titles."""
    for value in up.marks:
        y = top + (1 - up.share(value)) * HEIGHT
        draw(svg, "line", kind="grid", x1=LEFT, y1=y, x2=LEFT + WIDTH, y2=y)
        draw(svg, "text", f"{value:g}", kind="tick end", x=LEFT - 8, y=y + 4)
    for value in across.marks:
        draw(svg, "text", f"{value:g}", kind="tick middle", x=LEFT + across.share(value) * WIDTH, y=top + HEIGHT + 18)
    draw(svg, "text", across.title, kind="axis", x=LEFT + WIDTH / 2, y=top + HEIGHT + 38)
    middle = top + HEIGHT / 2
    draw(svg, "text", up.title, kind="axis", x=14, y=middle, transform=f"rotate(-90 14 {number(middle)})")
