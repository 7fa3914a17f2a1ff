"""Learning curves as a figure: inline SVG, see drawing.py."""

from dataclasses import dataclass

import numpy as np
from markupsafe import Markup

from finetrail.evaluation.report.drawing import canvas, draw, finish, number, path, ticks, write


@dataclass(frozen=True)
class Curve:
    """One line of a panel: (x, y) points, x in epochs."""

    name: str
    points: tuple[tuple[float, float], ...]


@dataclass(frozen=True)
class Panel:
    """Curves that share one y axis; `best` marks the epoch whose weights were kept."""

    title: str
    curves: tuple[Curve, ...]
    best: float | None = None


def curves_figure(panel: Panel) -> Markup | None:
    """Draw the curves of a panel over epochs; None if there is no finite point."""
    finite = [(curve.name, [point for point in curve.points if np.isfinite(point).all()]) for curve in panel.curves]
    points = [point for _, of_curve in finite for point in of_curve]
    if not points:
        return None
    left, top, width, height = 62.0, 26.0, 354.0, 200.0
    x_ticks = ticks(0.0, max(x for x, _ in points))
    y_ticks = ticks(min(y for _, y in points), max(y for _, y in points))

    def place(x: float, y: float) -> tuple[float, float]:
        across = (x - x_ticks[0]) / (x_ticks[-1] - x_ticks[0])
        up = (y - y_ticks[0]) / (y_ticks[-1] - y_ticks[0])
        return (left + across * width, top + (1 - up) * height)

    svg = canvas(left + width + 14, top + height + 44, f"{panel.title} by epoch")
    for value in y_ticks:
        _, y = place(x_ticks[0], value)
        draw(svg, "line", kind="grid", x1=left, y1=y, x2=left + width, y2=y)
        write(svg, f"{value:g}", kind="tick end", x=left - 6, y=y + 4)
    for value in x_ticks:
        x, _ = place(value, y_ticks[0])
        write(svg, f"{value:g}", kind="tick middle", x=x, y=top + height + 16)
    write(svg, "epoch", kind="axis", x=left + width / 2, y=top + height + 36)
    middle = top + height / 2
    write(svg, panel.title, kind="axis", x=14, y=middle, transform=f"rotate(-90 14 {number(middle)})")
    if panel.best is not None:
        x, _ = place(min(panel.best, x_ticks[-1]), y_ticks[0])
        line = draw(svg, "line", kind="best", x1=x, y1=top, x2=x, y2=top + height)
        draw(line, "title", f"weights kept: epoch {panel.best:g}")
    ahead = left
    for at, (name, of_curve) in enumerate(finite):
        placed = [place(x, y) for x, y in of_curve]
        draw(svg, "polyline", kind=f"curve c{at % 3}", points=path(placed))
        # With few points, readers want to see each measurement; hundreds would hide the line.
        for (x, y), (epoch, value) in zip(placed, of_curve, strict=True) if len(placed) <= 30 else ():
            dot = draw(svg, "circle", kind=f"dot c{at % 3}", cx=x, cy=y, r=3)
            draw(dot, "title", f"{name}, epoch {epoch:g}: {value:.4g}")
        draw(svg, "line", kind=f"curve c{at % 3}", x1=ahead, y1=10, x2=ahead + 18, y2=10)
        write(svg, name, kind="legend", x=ahead + 24, y=14)
        ahead += 44 + len(name) * 7
    return finish(svg)
