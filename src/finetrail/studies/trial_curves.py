"""The metric of all trials over their epochs."""

from math import isfinite

from markupsafe import Markup

from finetrail.evaluation.report.axes import LEFT, Axis, Plane
from finetrail.evaluation.report.drawing import draw, finish, path
from finetrail.evaluation.scores.metric import Point
from finetrail.runs.study import Trial
from finetrail.studies.history import WIDTH
from finetrail.studies.shown import Shown, legend, mark


def curves_figure(shown: Shown) -> Markup | None:
    """A line for each trial, that of the chosen one on top; None where no trial has a curve."""
    curves = [(one, points) for one in shown.study.trials if (points := _points(shown, one))]
    if not curves:
        return None
    across = Axis.counting("epoch", max(x for _, points in curves for x, _ in points))
    up = Axis.over(shown.metric.on_axis, [shown.within(y) for _, points in curves for _, y in points])
    plane = Plane(across, up, top=28.0, width=WIDTH)
    svg = plane.start(f"validation {shown.metric.title} of each trial by epoch")
    chosen = shown.study.chosen
    for one, points in sorted(curves, key=lambda curve: curve[0].number == chosen):
        kind = "curve c1" if one.number == chosen else "curve c0 thin many"
        placed = [plane.place(x, min(max(y, up.marks[0]), up.marks[-1])) for x, y in points]
        draw(draw(svg, "polyline", kind=kind, points=path(placed)), "title", shown.said(one))
        if one.state == "pruned":
            mark(svg, "ring", placed[-1], shown.said(one))
        elif len(placed) == 1:
            mark(svg, "dot", placed[-1], shown.said(one), "c1" if one.number == chosen else "c0")
    pruned = [("ring", "c0", "pruned")] if any(one.state == "pruned" for one, _ in curves) else []
    legend(svg, LEFT, [("line", "c0", "trials"), *pruned, *([("line", "c1", "chosen")] if chosen is not None else [])])
    return finish(svg)


def _points(shown: Shown, one: Trial) -> list[tuple[float, float]]:
    """The finite points of a trial's curve, in epochs."""

    def of(point: Point) -> tuple[float, float]:
        return point["epoch"], point.get(shown.study.metric, float("nan"))

    return [(x, y) for x, y in map(of, one.curve) if isfinite(x) and isfinite(y)]
