"""The figures of the report on texts: how long answers are, and how good, by the length of the reference."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from markupsafe import Markup

from finetrail.evaluation.report.axes import At, Axis, Line, Plane, interval_figure
from finetrail.evaluation.report.drawing import draw, finish
from finetrail.evaluation.scores.bootstrap import Ints
from finetrail.targets.sequences import METRICS
from finetrail.targets.target import metric_named

if TYPE_CHECKING:
    from finetrail.targets.sequences.lengths import OfLength

SHOWN = 1500
"""Rows that are drawn: more would overlap."""


def lengths_figure(sizes: Ints) -> Markup:
    """Draw a point per row: characters of the reference across, of the answer upwards. Args: sizes: (n, 2)."""
    shown = sizes[:: max(1, -(-len(sizes) // SHOWN))]
    last = float(max(1, np.quantile(sizes, 0.995)))  # a few very long ones would squeeze the others into a corner
    plane = Plane(Axis.counting("characters of the reference", last), Axis.counting("of the answer", last))
    svg = plane.start("Length of the answers by length of the references")
    points = draw(svg, "g", kind="points")
    end = plane.across.marks[-1]
    for reference, answer in shown.clip(0, end).tolist():
        x, y = plane.place(reference, answer)
        draw(points, "circle", cx=x, cy=y, r=2.6)
    (x1, y1), (x2, y2) = plane.place(0, 0), plane.place(end, end)
    draw(svg, "line", kind="ideal", x1=x1, y1=y1, x2=x2, y2=y2)
    return finish(svg)


def by_length_figure(lengths: "Sequence[OfLength]", name: str, of: str) -> Markup:
    """Draw a metric with its interval for each range of length. Args: of: whose, `references` or `sources`."""
    metric = metric_named(METRICS, name)
    points = [
        At(
            (one.low + one.high) / 2,
            one.value,
            f"{one.low:,} to {one.high:,} characters, {one.rows:,} rows: {metric.say(one.value.value)}",
        )
        for one in lengths
    ]
    across = Axis.counting(f"characters of the {of.removesuffix('s')}", max(at.x for at in points))
    up = Axis.over(metric.title, [0.0, *(at.value.high for at in points)])
    return interval_figure(f"{metric.title} by length of the {of}", across, up, [Line(points)]) or Markup("")
