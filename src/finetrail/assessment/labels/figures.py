"""How suspicious the labels are, over the ranking."""

import numpy as np
from markupsafe import Markup

from finetrail.evaluation.report.axes import Axis, Plane
from finetrail.evaluation.report.drawing import draw, finish, path
from finetrail.targets.suspicion import Suspicion

POINTS = 200
"""Points of the curve."""


def quality_figure(suspicion: Suspicion) -> Markup:
    """The quality of the labels, sorted, and where the expected number of wrong ones ends."""
    quality = np.sort(suspicion.quality)
    ranks = np.unique(np.linspace(0, len(quality) - 1, min(POINTS, len(quality))).astype(int))
    across = Axis.over("rank of the row (1: the most suspicious)", [1, float(len(quality))])
    up = Axis("quality of the label", (0.0, 0.25, 0.5, 0.75, 1.0))
    plane = Plane(across, up)
    svg = plane.start("Quality of the labels by rank")
    points = [plane.place(float(rank + 1), float(quality[rank])) for rank in ranks]
    draw(svg, "polyline", kind="curve c0", points=path(points))
    expected = float(suspicion.flagged.sum())
    x, _ = plane.place(max(expected, across.marks[0]), 0.0)
    line = draw(svg, "line", kind="best", x1=x, y1=plane.top, x2=x, y2=plane.bottom)
    draw(line, "title", f"expected wrong labels: {expected:,.0f}")
    return finish(svg)
