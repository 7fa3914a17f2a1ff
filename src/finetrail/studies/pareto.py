"""Quality against cost, and the trials that no other beats in both."""

from markupsafe import Markup

from finetrail.evaluation.report.axes import LEFT, Axis, Plane
from finetrail.evaluation.report.drawing import draw, finish, path
from finetrail.studies.history import WIDTH
from finetrail.studies.shown import COSTS, Shown, legend, mark


def pareto_figure(shown: Shown) -> Markup | None:
    """A dot for each complete trial, the front as steps; None where there is one objective, or no trial."""
    study = shown.study
    found = [(one, one.cost, value) for one, value in shown.complete if one.cost is not None]
    if study.cost is None or not found:
        return None
    plane = Plane(Axis.over(COSTS[study.cost], [cost for _, cost, _ in found]), shown.values, top=28.0, width=WIDTH)
    svg = plane.start(f"{shown.metric.title} by {study.cost}")
    front = sorted((cost, value) for one, cost, value in found if one.number in study.pareto)
    corners = [front[0]] if front else []
    for cost, value in front[1:]:
        corners += [(cost, corners[-1][1]), (cost, value)]
    draw(svg, "polyline", kind="curve c2", points=path([plane.place(x, shown.within(y)) for x, y in corners]))
    for one, cost, value in sorted(found, key=lambda each: each[0].number == study.chosen):
        colour = "c1" if one.number == study.chosen else "c2" if one.number in study.pareto else "c0 many"
        mark(svg, "dot", plane.place(cost, shown.within(value)), shown.said(one), colour)
    names = [("dot", "c0", "trials"), ("line", "c2", "Pareto front"), ("dot", "c1", "chosen")]
    legend(svg, LEFT, names if study.chosen is not None else names[:2])
    return finish(svg)
