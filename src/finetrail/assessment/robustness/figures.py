"""The metric over severity, with its interval: inline SVG, see `finetrail.evaluation.report.drawing`."""

import math

from markupsafe import Markup

from finetrail.assessment.robustness.scores import Measured, Result
from finetrail.evaluation.report.drawing import canvas, draw, finish, path, ticks
from finetrail.evaluation.scores.bootstrap import Interval

_LEFT, _TOP, _WIDTH, _HEIGHT = 62.0, 14.0, 300.0, 170.0


def severity_figure(measured: Measured, result: Result, title: str) -> Markup | None:
    """The metric at severity 0 and at those that were measured; None where a value is no number."""
    points = [(0, measured.clean), *((one.severity, one.value) for one in result.severities)]
    if not all(math.isfinite(end) for _, one in points for end in (one.value, one.low, one.high)):
        return None
    low, high = _range(measured)
    marks = ticks(low, high)

    def place(x: float, y: float) -> tuple[float, float]:
        return (_LEFT + x / 5 * _WIDTH, _TOP + (1 - (y - marks[0]) / (marks[-1] - marks[0])) * _HEIGHT)

    metric = measured.metric
    unit = " (unit of the label)" if metric.in_unit else ""
    svg = canvas(_LEFT + _WIDTH + 14, _TOP + _HEIGHT + 44, f"{metric.title} by severity of {title}")
    for value in marks:
        _, y = place(0, value)
        draw(svg, "line", kind="grid", x1=_LEFT, y1=y, x2=_LEFT + _WIDTH, y2=y)
        draw(svg, "text", f"{value:g}", kind="tick end", x=_LEFT - 8, y=y + 4)
    for severity in range(6):
        x, _ = place(severity, marks[0])
        draw(svg, "text", f"{severity}", kind="tick middle", x=x, y=_TOP + _HEIGHT + 18)
    draw(svg, "text", "severity (0: as it is)", kind="axis", x=_LEFT + _WIDTH / 2, y=_TOP + _HEIGHT + 38)
    middle = _TOP + _HEIGHT / 2
    draw(svg, "text", metric.title + unit, kind="axis", x=14, y=middle, transform=f"rotate(-90 14 {middle:g})")
    draw(svg, "polyline", kind="curve c0", points=path([place(x, one.value) for x, one in points]))
    for severity, one in points:
        x, bottom = place(severity, one.low)
        _, top = place(severity, one.high)
        draw(svg, "line", kind="curve c0 thin", x1=x, y1=bottom, x2=x, y2=top)
        dot = draw(svg, "circle", kind="dot c0", cx=x, cy=place(severity, one.value)[1], r=3.5)
        draw(dot, "title", f"severity {severity}: {_said(measured, one)}")
    return finish(svg)


def _range(measured: Measured) -> tuple[float, float]:
    """One scale for all figures of a report, so that they can be compared."""
    values = [measured.clean, *(level.value for one in measured.results for level in one.severities)]
    ends = [end for one in values for end in (one.low, one.high) if math.isfinite(end)]
    return min(ends), max(ends)


def _said(measured: Measured, one: Interval) -> str:
    say = measured.metric.say
    return f"{say(one.value)} ({say(one.low)} to {say(one.high)})"
