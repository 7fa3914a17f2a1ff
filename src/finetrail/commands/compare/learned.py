"""How the candidates learned, in one figure: inline SVG, see `evaluation.report.drawing`."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from markupsafe import Markup

from finetrail.evaluation.report.drawing import canvas, draw, finish, number, path, ticks, write
from finetrail.evaluation.scores.metric import Metric

LEFT, TOP, WIDTH, HEIGHT = 62.0, 12.0, 460.0, 240.0
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
    across = ticks(0.0, max(x for x, _ in everywhere))
    up = ticks(min(y for _, y in everywhere), max(y for _, y in everywhere))

    def place(x: float, y: float) -> tuple[float, float]:
        return LEFT + WIDTH * (x - across[0]) / (across[-1] - across[0]), TOP + HEIGHT * (up[-1] - y) / (up[-1] - up[0])

    svg = canvas(LEFT + WIDTH + 34, TOP + HEIGHT + 44, f"Validation {metric.title} of each candidate by epoch")
    for value in up:
        _, y = place(0.0, value)
        draw(svg, "line", kind="grid", x1=LEFT, y1=y, x2=LEFT + WIDTH, y2=y)
        write(svg, f"{value:g}", kind="tick end", x=LEFT - 6, y=y + 4)
    for value in across:
        x, _ = place(value, up[0])
        write(svg, f"{value:g}", kind="tick middle", x=x, y=TOP + HEIGHT + 16)
    write(svg, "epoch", kind="axis", x=LEFT + WIDTH / 2, y=TOP + HEIGHT + 36)
    middle = TOP + HEIGHT / 2
    write(svg, metric.title, kind="axis", x=14, y=middle, transform=f"rotate(-90 14 {number(middle)})")
    drawn = [one for one in candidates if finite[one]]
    beside = _apart([place(*finite[one][-1])[1] for one in drawn])
    for one, y in sorted(zip(drawn, beside, strict=True), key=lambda each: each[0].chosen):  # the chosen one on top
        placed = [place(*point) for point in finite[one]]
        line = draw(svg, "polyline", kind="curve c0" if one.chosen else "curve others", points=path(placed))
        draw(line, "title", f"{one.name}: {metric.say(finite[one][-1][1])} after epoch {finite[one][-1][0]:g}")
        if len(placed) == 1:
            draw(svg, "circle", kind="dot c0", cx=placed[0][0], cy=placed[0][1], r=3)
        (x, end), edge = placed[-1], LEFT + WIDTH + 8
        draw(svg, "line", kind="spine", x1=x, y1=end, x2=edge, y2=y, stroke_width=0.7, stroke_dasharray="1 5")
        write(svg, str(one.number), kind="tick named" if one.chosen else "tick", x=LEFT + WIDTH + 12, y=y + 4)
    return finish(svg)


def _apart(heights: Sequence[float]) -> list[float]:
    """The same heights, moved down where two would stand on each other, and up again from the lower edge."""
    order = sorted(range(len(heights)), key=lambda at: heights[at])
    found = [heights[at] for at in order]
    for before, after in pairwise(range(len(found))):
        found[after] = max(found[after], found[before] + LINE)
    found[-1] = min(found[-1], TOP + HEIGHT)
    for after, before in pairwise(reversed(range(len(found)))):
        found[before] = min(found[before], found[after] - LINE)
    return [y for _, y in sorted(zip(order, found, strict=True))]
