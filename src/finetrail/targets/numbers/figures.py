"""The figures of a regression's report: predicted against actual, and how the errors spread. See drawing.py."""

from collections.abc import Sequence
from xml.etree.ElementTree import Element

import numpy as np
from markupsafe import Markup

from finetrail.evaluation.report.drawing import canvas, draw, finish, number, ticks
from finetrail.evaluation.scores.bootstrap import Floats
from finetrail.evaluation.scores.metric import amount
from finetrail.targets.numbers.evaluation import NumberAnswer

MOST_BARS = 31
"""Bars of the histogram; fewer for few rows. An odd number, so that the middle one is around 0."""
NAMED = 300
"""More points than this get no names under the pointer: the page would be large, and they overlap."""


def scatter_figure(answers: Sequence[NumberAnswer], mean: float) -> Markup:
    """Draw a point per row: the label across, the answer upwards. Args: mean: of the training labels."""
    values = [value for one in answers for value in (one.actual, one.predicted)]
    marks = ticks(min(values), max(values))
    left, top, side = 78.0, 10.0, 340.0
    svg = canvas(left + side + 30, top + side + 44, "Predicted against actual numbers")

    def across(value: float) -> float:
        return left + (value - marks[0]) / (marks[-1] - marks[0]) * side

    def up(value: float) -> float:
        return top + (1 - (value - marks[0]) / (marks[-1] - marks[0])) * side

    for value in marks:
        draw(svg, "line", kind="grid", x1=left, y1=up(value), x2=left + side, y2=up(value))
        draw(svg, "line", kind="grid", x1=across(value), y1=top, x2=across(value), y2=top + side)
        draw(svg, "text", _tick(value), kind="tick end", x=left - 6, y=up(value) + 4)
        draw(svg, "text", _tick(value), kind="tick middle", x=across(value), y=top + side + 16)
    points = draw(svg, "g", kind="points")
    for one in answers:
        point = draw(points, "circle", cx=across(one.actual), cy=up(one.predicted), r=2.6)
        if len(answers) <= NAMED:
            draw(point, "title", f"{one.id}: actual {amount(one.actual)}, predicted {amount(one.predicted)}")
    draw(svg, "line", kind="ideal", x1=left, y1=top + side, x2=left + side, y2=top)
    if marks[0] <= mean <= marks[-1]:
        line = draw(svg, "line", kind="said thin", x1=left, y1=up(mean), x2=left + side, y2=up(mean))
        draw(line, "title", f"mean of the training labels: {amount(mean)}")
    _axes(svg, "actual", "predicted", left=left, base=top + side, side=side)
    return finish(svg)


def errors_figure(errors: Floats) -> Markup:
    """Draw how many rows have errors of each size; the outermost bars take the few beyond the ends."""
    # The widest errors of all would squeeze the others into one bar.
    reach = float(np.quantile(np.abs(errors), 0.99)) * 1.05 or 1.0
    bars = int(min(MOST_BARS, max(5, len(errors) ** 0.5))) | 1
    edges = np.linspace(-reach, reach, bars + 1)
    rows, _ = np.histogram(errors.clip(-reach, reach), edges)
    marks = [value for value in ticks(-reach, reach) if -reach <= value <= reach]
    left, top, side = 78.0, 10.0, 340.0
    most = ticks(0, max(1, int(rows.max())))
    svg = canvas(left + side + 30, top + side + 44, "Histogram of the errors")
    base = top + side

    def across(value: float) -> float:
        return left + (value + reach) / (2 * reach) * side

    for value in most:
        y = base - value / most[-1] * side
        draw(svg, "line", kind="grid", x1=left, y1=y, x2=left + side, y2=y)
        draw(svg, "text", f"{value:,g}", kind="tick end", x=left - 6, y=y + 4)
    for value in marks:
        draw(svg, "text", _tick(value), kind="tick middle", x=across(value), y=base + 16)
    for low, high, count in zip(edges, edges[1:], rows, strict=False):
        tall = count / most[-1] * side
        wide = across(high) - across(low) - 1
        bar = draw(svg, "rect", kind="bar", x=across(low) + 0.5, y=base - tall, width=wide, height=tall)
        draw(bar, "title", f"error {amount(float(low))} to {amount(float(high))}: {count:,} rows")
    draw(svg, "line", kind="ideal", x1=across(0), y1=top, x2=across(0), y2=base)
    _axes(svg, "error: predicted less actual", "rows", left=left, base=base, side=side)
    return finish(svg)


def _axes(svg: Element, across: str, upwards: str, *, left: float, base: float, side: float) -> None:
    """Name the axes of a square that begins at (`left`, `base`)."""
    beside = base - side / 2
    draw(svg, "text", across, kind="axis", x=left + side / 2, y=base + 36)
    draw(svg, "text", upwards, kind="axis", x=12, y=beside, transform=f"rotate(-90 12 {number(beside)})")


def _tick(value: float) -> str:
    return f"{value:,.10g}" if abs(value) < 1e6 else f"{value:.3g}"
