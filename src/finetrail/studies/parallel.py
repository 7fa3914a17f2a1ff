"""Parallel coordinates: all settings of all complete trials at once."""

from markupsafe import Markup

from finetrail.evaluation.report.axes import Axis, NamedAxis
from finetrail.evaluation.report.drawing import canvas, draw, finish, path, shorten, write
from finetrail.runs.study import Trial
from finetrail.studies.shown import Shown, legend

LEFT, TOP, GAP, HEIGHT = 70.0, 58.0, 125.0, 190.0
_LEGEND = 400.0
"""The width that the legend needs."""
_LONGEST = 18
"""Characters of a setting's name that are drawn."""
_BEST = 4
"""The best of so many parts of the trials stand out."""


def parallel_figure(shown: Shown) -> Markup | None:
    """A line for each trial through the axes of all settings to the metric; None of fewer than two trials."""
    trials = [one for one in shown.ranked if one.state == "complete"]
    if len(trials) < 2:
        return None
    axes = [shown.axis_of(one) for one in shown.study.space]
    width = GAP * len(axes)
    some_unused = any(len(one.parameters) < len(axes) for one in trials)
    svg = canvas(
        max(LEFT + width + 60, _LEGEND), TOP + HEIGHT + (38 if some_unused else 14), "Settings and value of each trial"
    )
    best = {one.number for one in trials[: max(1, len(trials) // _BEST)]}
    for one in sorted(trials, key=lambda each: (each.number == shown.study.chosen, each.number in best)):
        kind = "c1" if one.number == shown.study.chosen else "c0" if one.number in best else "others thin"
        line = draw(svg, "polyline", kind=f"curve {kind}", points=path(_corners(shown, axes, one)))
        draw(line, "title", shown.said(one))
    for nth, axis in enumerate([*axes, shown.values]):
        x, title = LEFT + GAP * nth, axis.title.removesuffix(" (log scale)")
        draw(svg, "line", kind="spine", x1=x, y1=TOP, x2=x, y2=TOP + HEIGHT)
        draw(write(svg, shorten(title, _LONGEST), kind="axis", x=x, y=TOP - 12), "title", axis.title)
        for value in axis.marks if isinstance(axis, NamedAxis) else (axis.marks[0], axis.marks[-1]):
            y = TOP + (1 - axis.share(value)) * HEIGHT
            write(svg, axis.label(value), kind="tick end", x=x - 6, y=y + 4)
    if some_unused:
        write(svg, "not used", kind="tick end", x=LEFT - 6, y=TOP + HEIGHT + 28)
        draw(svg, "line", kind="grid", x1=LEFT, y1=TOP + HEIGHT + 24, x2=LEFT + width, y2=TOP + HEIGHT + 24)
    named = [("line", "c1", "chosen"), ("line", "c0", "the best quarter"), ("line", "others", "other complete trials")]
    legend(svg, LEFT - 20, named if shown.study.chosen is not None else named[1:])
    return finish(svg)


def _corners(shown: Shown, axes: list[Axis], one: Trial) -> list[tuple[float, float]]:
    """Where the line of a trial meets each axis; below it where the setting was not active."""
    corners = []
    for nth, (dimension, axis) in enumerate(zip(shown.study.space, axes, strict=True)):
        at = shown.place_of(dimension, one)
        corners.append((LEFT + GAP * nth, TOP + HEIGHT * (1 - axis.share(at)) if at is not None else TOP + HEIGHT + 24))
    value = shown.within(one.value or 0.0)
    return [*corners, (LEFT + GAP * len(axes), TOP + (1 - shown.values.share(value)) * HEIGHT)]
