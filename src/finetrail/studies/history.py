"""The values of the trials in their order, and the best so far."""

from markupsafe import Markup

from finetrail.evaluation.report.axes import LEFT, Axis, Plane
from finetrail.evaluation.report.drawing import draw, finish, path
from finetrail.studies.shown import Shown, legend, mark

WIDTH = 380.0
_SHAPES = {"complete": ("dot", "c0"), "pruned": ("ring", "c0"), "failed": ("cross", "c1")}


def history_figure(shown: Shown) -> Markup | None:
    """Each trial at its number; what failed lies at the worse end. None where no trial has a value."""
    study = shown.study
    if all(study.last_value(one) is None for one in study.trials):
        return None
    numbers = [float(one.number) for one in study.trials]
    plane = Plane(Axis.counting("trial", max(numbers)), shown.values, top=28.0, width=WIDTH)
    svg = plane.start(f"{shown.metric.title} of {len(numbers)} trials, in their order")
    best = _best_so_far(shown, max(numbers))
    draw(svg, "polyline", kind="curve c2", points=path([plane.place(x, shown.within(y)) for x, y in best]))
    for one in study.trials:
        shape, colour = _SHAPES[one.state]
        value = study.last_value(one)
        x, y = plane.place(one.number, shown.worst if value is None else shown.within(value))
        mark(svg, shape, (x, y), shown.said(one), colour)
    drawn = [(*_SHAPES[state], state) for state in _SHAPES if any(one.state == state for one in study.trials)]
    legend(svg, LEFT, [*drawn, *([("line", "c2", "best so far")] if best else [])])
    return finish(svg)


def _best_so_far(shown: Shown, last: float) -> list[tuple[float, float]]:
    """The corners of a line of steps."""
    corners: list[tuple[float, float]] = []
    for one, value in shown.complete:
        if not corners:
            corners.append((one.number, value))
        elif shown.metric.goodness(value) > shown.metric.goodness(corners[-1][1]):
            corners += [(one.number, corners[-1][1]), (one.number, value)]
    return [*corners, (last, corners[-1][1])] if corners else []
