"""How the candidates learned, in one figure: inline SVG, see `evaluation.report.drawing`."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from markupsafe import Markup

from finetrail.evaluation.report.axes import LEFT, Axis, Plane
from finetrail.evaluation.report.drawing import draw, finish, path, write
from finetrail.evaluation.scores.metric import Metric

WIDTH = 440.0
LINE = 12.0
"""The height of a candidate's number beside the end of its curve."""


@dataclass(frozen=True)
class Learned:
    """A candidate. Attributes: number: that stands beside it; points: epoch and value, in order; may be empty."""

    name: str
    number: int
    points: tuple[tuple[float, float], ...]
    chosen: bool


def learned(candidates: Sequence[Learned], metric: Metric) -> Markup | None:
    """Draw the validation metric of all candidates by epoch; None where no curve has a finite point."""
    finite = {one: [point for point in one.points if all(map(math.isfinite, point))] for one in candidates}
    everywhere = [point for points in finite.values() for point in points]
    if not everywhere:
        return None
    epochs = Axis.counting("epoch", max(x for x, _ in everywhere))
    plane = Plane(epochs, Axis.over(metric.title, [y for _, y in everywhere]), width=WIDTH)
    svg = plane.start(f"Validation {metric.title} of each candidate by epoch")
    drawn = sorted((one for one in candidates if finite[one]), key=lambda one: one.chosen)  # the chosen one on top
    ends = [plane.place(*finite[one][-1]) for one in drawn]
    edge = LEFT + WIDTH
    for one, (x, end), y in zip(drawn, ends, _apart([y for _, y in ends], plane.bottom), strict=True):
        epoch, value = finite[one][-1]
        line = draw(
            svg,
            "polyline",
            kind="curve c0" if one.chosen else "curve others",
            points=path([plane.place(*point) for point in finite[one]]),
        )
        draw(line, "title", f"{one.name}: {metric.say(value)} after epoch {epoch:g}")
        draw(svg, "circle", kind="dot c0" if one.chosen else "dot others", cx=x, cy=end, r=2.5)
        draw(svg, "line", kind="spine", x1=x, y1=end, x2=edge + 4, y2=y, stroke_width=0.7, stroke_dasharray="1 5")
        write(svg, str(one.number), kind="tick named" if one.chosen else "tick", x=edge + 7, y=y + 4)
    return finish(svg)


def _apart(heights: Sequence[float], bottom: float) -> list[float]:
    """The same heights, moved down where two would stand on each other, and up again from the lower edge."""
    order = sorted(range(len(heights)), key=lambda at: heights[at])
    found = [heights[at] for at in order]
    for before, after in pairwise(range(len(found))):
        found[after] = max(found[after], found[before] + LINE)
    found[-1] = min(found[-1], bottom)
    for after, before in pairwise(reversed(range(len(found)))):
        found[before] = min(found[before], found[after] - LINE)
    return [y for _, y in sorted(zip(order, found, strict=True))]
