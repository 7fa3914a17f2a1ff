"""The value of the trials against one setting."""

from markupsafe import Markup

from finetrail.evaluation.report.axes import NamedAxis, Plane
from finetrail.evaluation.report.drawing import finish
from finetrail.runs.dimension import Dimension
from finetrail.studies.shown import Shown, mark

_GOLDEN = 0.618
"""Multiples of it spread trials evenly over the width of a category, whatever their number."""


def slice_figure(shown: Shown, one: Dimension) -> Markup | None:
    """A dot for each complete trial that has the setting, the chosen one apart; None where none has it."""
    axis = shown.axis_of(one)
    found = [(trial, value, x) for trial, value in shown.complete if (x := shown.place_of(one, trial)) is not None]
    if not found:
        return None
    plane = Plane(axis, shown.values)
    svg = plane.start(f"{shown.metric.title} by {axis.title}")
    chosen = shown.study.chosen
    for trial, value, x in sorted(found, key=lambda each: each[0].number == chosen):
        spread = (trial.number * _GOLDEN % 1 - 0.5) / 2 if isinstance(axis, NamedAxis) else 0.0
        colour = "c1" if trial.number == chosen else "c0 many"
        mark(svg, "dot", plane.place(x + spread, shown.within(value)), shown.said(trial), colour)
    return finish(svg)
