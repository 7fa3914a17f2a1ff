"""The figures of a report on sets of classes: F1 of each class, and the precision-recall curves of the worst."""

from collections.abc import Sequence
from xml.etree.ElementTree import Element

import numpy as np
from markupsafe import Markup

from finetrail.evaluation.report.drawing import canvas, draw, finish, number, path, shorten
from finetrail.targets.class_sets.metrics import PerClass
from finetrail.targets.class_sets.ranking import Bools, Floats, Probabilities, curve, rank

MOST_BARS = 40
"""Of more classes, only those with the lowest F1 are shown: the others are in the table."""
FEW_ROWS = 10
"""A class of fewer rows says little about the model and is drawn pale."""
CURVES = 6
MOST_POINTS = 100
"""Points of a curve: more make the page large and lie on top of each other."""


def f1_figure(found: PerClass, thresholds: Floats, labels: Sequence[str]) -> Markup | None:
    """Draw a bar per class: its F1 at its threshold (K,), the lowest first; None where no class has a row."""
    shown = _worst(found.f1, found, MOST_BARS)
    if not shown:
        return None
    left, top, side, tall = 190.0, 6.0, 300.0, 20.0
    base = top + tall * len(shown)
    svg = canvas(left + side + 110, base + 40, f"F1 of {len(shown)} classes")
    for at in (0.0, 0.25, 0.5, 0.75, 1.0):
        x = left + at * side
        draw(svg, "line", kind="grid", x1=x, y1=top, x2=x, y2=base)
        draw(svg, "text", f"{at:g}", kind="tick middle", x=x, y=base + 15)
    for place, k in enumerate(shown):
        y, f1, rows = top + place * tall, float(found.f1[k]), int(found.support[k])
        group = draw(svg, "g", kind="few" if rows < FEW_ROWS else "class")
        draw(
            group,
            "title",
            f"{labels[k]}: F1 {f1:.3f}, precision {found.precision[k]:.3f}, recall {found.recall[k]:.3f} "
            f"from probability {thresholds[k]:.3g} on, support {rows:,}",
        )
        draw(group, "text", shorten(labels[k], 26), kind="label end", x=left - 6, y=y + 14)
        draw(group, "rect", kind="bar", x=left, y=y + 3, width=f1 * side, height=tall - 6)
        draw(group, "text", f"{f1:.2f} ({rows:,})", kind="tick", x=left + f1 * side + 6, y=y + 14)
    draw(svg, "text", "F1 at the threshold of the class (and its rows)", kind="axis", x=left + side / 2, y=base + 34)
    return finish(svg)


def precision_recall_figure(
    actual: Bools, probabilities: Probabilities, found: PerClass, labels: Sequence[str]
) -> Markup | None:
    """Draw the curves of the classes with the lowest average precision, and the thresholds on them.

    Args:
        actual, probabilities: (n, K).
        found: of the same rows, at the thresholds.
        labels: the names of the classes.

    Returns:
        The figure; None where no class has a row.
    """
    shown = _worst(found.average_precision, found, CURVES)
    if not shown:
        return None
    left, top, side = 52.0, 10.0, 300.0
    svg = canvas(left + side + 250, top + side + 44, f"Precision and recall of {len(shown)} classes")
    _grid(svg, left, top, side)
    for place, k in enumerate(shown):
        # Three colours, and dashes for the second three.
        line = {"kind": f"curve c{place % 3}", **({"stroke_dasharray": "5 4"} if place >= 3 else {})}
        group = draw(svg, "g")
        said = f"{labels[k]}: average precision {found.average_precision[k]:.3f}, support {int(found.support[k]):,}"
        draw(group, "title", said)
        steps = _steps(actual[:, k], probabilities[:, k])
        draw(group, "polyline", points=path([(left + x * side, top + (1 - y) * side) for x, y in steps]), **line)
        across, up = float(found.recall[k]), float(found.precision[k])
        dot = draw(group, "circle", kind=f"dot c{place % 3}", cx=left + across * side, cy=top + (1 - up) * side, r=4)
        draw(dot, "title", f"{labels[k]} at its threshold: precision {up:.3f}, recall {across:.3f}")
        x, y = left + side + 16, top + 12 + 20 * place
        draw(svg, "line", x1=x, y1=y, x2=x + 18, y2=y, **line)
        name = f"{shorten(labels[k], 24)} ({found.average_precision[k]:.2f})"
        draw(svg, "text", name, kind="legend", x=x + 24, y=y + 4)
    return finish(svg)


def _worst(values: Floats, found: PerClass, limit: int) -> list[int]:
    """The classes with rows that have the lowest values (K,), equals in the order of the classes."""
    order = np.argsort(values, kind="stable")
    return [int(k) for k in order if found.support[k]][:limit]


def _steps(actual: Bools, probabilities: Probabilities) -> list[tuple[float, float]]:
    """Corners (recall, precision) of a curve, which average precision takes as steps."""
    recall, precision = (column[:, 0] for column in curve(rank(actual, probabilities), np.ones((len(actual), 1))))
    kept = np.unique(np.linspace(0, len(recall) - 1, MOST_POINTS).round().astype(np.intp))
    before = 0.0
    corners = []
    for x, y in zip(recall[kept].tolist(), precision[kept].tolist(), strict=True):
        corners += [(before, y), (x, y)]
        before = x
    return corners


def _grid(svg: Element, left: float, top: float, side: float) -> None:
    base, beside = top + side, top + side / 2
    for at in (0.0, 0.25, 0.5, 0.75, 1.0):
        x, y = left + at * side, base - at * side
        draw(svg, "line", kind="grid", x1=left, y1=y, x2=left + side, y2=y)
        draw(svg, "text", f"{at:g}", kind="tick end", x=left - 6, y=y + 4)
        draw(svg, "text", f"{at:g}", kind="tick middle", x=x, y=base + 16)
    draw(svg, "text", "recall", kind="axis", x=left + side / 2, y=base + 36)
    draw(svg, "text", "precision", kind="axis", x=12, y=beside, transform=f"rotate(-90 12 {number(beside)})")
