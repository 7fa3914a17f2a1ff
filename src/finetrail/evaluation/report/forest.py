"""Slices beside the rest of the rows, each with its interval, on one scale: inline SVG, see drawing.py."""

from markupsafe import Markup

from finetrail.evaluation.report.axes import Axis, Rows
from finetrail.evaluation.report.drawing import draw, finish, shorten, write
from finetrail.evaluation.report.page import capital
from finetrail.evaluation.scores.bootstrap import Interval
from finetrail.evaluation.scores.sliced import SliceTable

LEFT, TOP, WIDTH, STEP = 190.0, 30.0, 360.0, 30.0
LONGEST = 30
"""Characters of a slice's name that are drawn."""


def slices_figure(table: SliceTable) -> Markup | None:
    """The mean error of each slice above that of all other rows; None where no slice has both."""
    drawn = [(one.name, one.error, one.rest) for one in table.slices if one.error and one.rest]
    if not drawn:
        return None
    ends = [end for _, *both in drawn for one in both for end in (one.low, one.high)]
    axis = Axis.over(capital(table.metric.on_axis), [0.0, *ends])
    rows = Rows(axis, len(drawn), LEFT, TOP, WIDTH, STEP)
    svg = rows.start(f"{capital(table.metric.title)} of each slice and of the rest")
    for nth, (name, error, rest) in enumerate(drawn):
        y = rows.y(nth)
        draw(write(svg, shorten(name, LONGEST), kind="tick end", x=LEFT - 10, y=y + 4), "title", name)
        for what, one, colour, shift in ((name, error, "c1", -5.0), ("the rest", rest, "c0", 5.0)):
            low, value, high = (rows.x(end) for end in (one.low, one.value, one.high))
            draw(svg, "line", kind=f"curve {colour} thin", x1=low, y1=y + shift, x2=high, y2=y + shift)
            dot = draw(svg, "circle", kind=f"dot {colour}", cx=value, cy=y + shift, r=3.5)
            draw(dot, "title", f"{what}: {_said(table, one)}")
    for place, (said, colour) in enumerate((("slice", "c1"), ("all other rows", "c0"))):
        x = LEFT + 90 * place
        draw(svg, "circle", kind=f"dot {colour}", cx=x + 4, cy=12, r=3.5)
        write(svg, said, kind="legend", x=x + 14, y=16)
    return finish(svg)


def _said(table: SliceTable, one: Interval) -> str:
    say = table.metric.say
    return f"{say(one.value)} ({say(one.low)} to {say(one.high)})"
