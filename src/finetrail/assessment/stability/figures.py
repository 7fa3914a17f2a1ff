"""The scores of all trainings side by side, and the learning curve: inline SVG."""

import math

from markupsafe import Markup

from finetrail.assessment.stability.scores import Measured, Steadiness
from finetrail.assessment.stability.spread import Spread
from finetrail.evaluation.report.axes import At, Axis, Line, Rows, interval_figure
from finetrail.evaluation.report.drawing import draw, finish, shorten, write
from finetrail.evaluation.scores.bootstrap import Interval

LEFT, TOP, WIDTH, ROW = 170.0, 10.0, 420.0, 34.0
_STEPS = 24
"""Points of a drawn law."""


def runs_figure(measured: Measured) -> Markup | None:
    """A dot for each training, a row for each candidate and what differs; None where a value is no number."""
    rows = [(one.candidate, what, over.spread) for one in measured.candidates for what, over in one.sets.items()]
    values = [value for _, _, spread in rows for value in spread.values]
    if not rows or not all(map(math.isfinite, values)):
        return None
    metric = measured.asked.metric
    axis = Axis.over(metric.on_axis, values)
    place = Rows(axis, len(rows), LEFT, TOP, WIDTH, ROW)
    svg = place.start(f"{metric.title} of every training")
    for number, (name, what, spread) in enumerate(rows):
        y, colour = place.y(number), "c0" if what == "seeds" else "c1"
        write(svg, f"{shorten(name, 15)}, {what}", kind="legend end", x=LEFT - 12, y=y + 4)
        low, high = (place.x(end) for end in _within(axis, spread))
        draw(svg, "line", kind=f"curve {colour} thin", x1=low, y1=y, x2=high, y2=y)
        middle = place.x(spread.mean)
        draw(svg, "line", kind=f"curve {colour}", x1=middle, y1=y - 9, x2=middle, y2=y + 9)
        for value in spread.values:
            dot = draw(svg, "circle", kind=f"dot {colour}", cx=place.x(value), cy=y, r=4)
            draw(dot, "title", f"{name}, {what}: {metric.say(value)}")
    return finish(svg)


def curve_figure(measured: Measured, one: Steadiness) -> Markup | None:
    """The metric over the number of training rows, and the law up to twice as many."""
    curve, metric = one.curve, measured.asked.metric
    if curve is None:
        return None
    points = [At(rows, _interval(spread), _said(measured, rows, spread)) for rows, spread in curve.points.items()]
    lines = [Line(points, "trainings")]
    sizes = list(curve.points)
    if curve.law is not None:
        law, end = curve.law, 2 * curve.law.rows
        first = sizes[0]
        places = [first * (end / first) ** (step / _STEPS) for step in range(_STEPS + 1)]
        drawn = [At(x, Interval(law.at(x), law.at(x), law.at(x)), "") for x in places]
        lines.append(Line(drawn, "power law, up to twice the rows", fitted=True))
        sizes.append(end)
    across = Axis.over("training rows", [0.0, *sizes])
    up = Axis.over(
        metric.on_axis,
        [end for line in lines for at in line.points for end in (at.value.low, at.value.high)],
    )
    return interval_figure(f"{metric.title} by training rows, {one.candidate}", across, up, lines)


def _interval(spread: Spread) -> Interval:
    return Interval(spread.mean, spread.mean_ends.low, spread.mean_ends.high)


def _said(measured: Measured, rows: int, spread: Spread) -> str:
    say = measured.asked.metric.say
    return f"{rows:,} rows: {say(spread.mean)} ({say(spread.mean_ends.low)} to {say(spread.mean_ends.high)})"


def _within(axis: Axis, spread: Spread) -> tuple[float, float]:
    """One standard deviation around the mean, inside the figure."""
    low, high = spread.mean - spread.std, spread.mean + spread.std
    return max(low, axis.marks[0]), min(high, axis.marks[-1])
