"""The value that the search found for each of its best trials, and their values when trained again."""

from markupsafe import Markup

from finetrail.evaluation.report.axes import Axis, Rows
from finetrail.evaluation.report.drawing import draw, finish, write
from finetrail.studies.shown import Shown, legend, mark

LEFT, TOP, WIDTH, ROW = 80.0, 30.0, 300.0, 34.0


def confirmation_figure(shown: Shown) -> Markup | None:
    """A row for each confirmed trial; None where none was trained again."""
    study = shown.study
    rows = [(one, single) for one in study.confirmed if (single := study.trial(one.number).value) is not None]
    if not rows:
        return None
    axis = Axis.over(shown.metric.on_axis, [value for one, single in rows for value in (single, *one.values)])
    place = Rows(axis, len(rows), LEFT, TOP, WIDTH, ROW)
    svg = place.start(f"{shown.metric.title} in the search and when trained again")
    for nth, (one, single) in enumerate(rows):
        y = place.y(nth)
        write(svg, f"trial {one.number}", kind="tick end", x=LEFT - 10, y=y + 4)
        middle = place.x(one.mean)
        draw(svg, "line", kind="curve c0", x1=middle, y1=y - 9, x2=middle, y2=y + 9)
        for seed, value in zip(one.seeds, one.values, strict=True):
            mark(svg, "dot", (place.x(value), y), f"seed {seed}: {shown.metric.say(value)}")
        mark(svg, "ring", (place.x(single), y), f"in the search: {shown.metric.say(single)}", "c1")
    legend(svg, LEFT, [("ring", "c1", "in the search"), ("dot", "c0", "trained again"), ("line", "c0", "their mean")])
    return finish(svg)
