"""The figures of a classifier's report: confusion matrix, and what abstaining gains. Inline SVG, see drawing.py."""

from collections.abc import Sequence
from xml.etree.ElementTree import Element

import numpy as np
from markupsafe import Markup

from finetrail.evaluation.report.drawing import canvas, draw, finish, number, path, shorten, ticks
from finetrail.evaluation.scores.bootstrap import Ints
from finetrail.targets.classes.selective import RiskCoverage

MOST_CLASSES = 50
"""More classes than this make unreadable cells: the figure then shows those with the most mistakes."""
COUNTS_UP_TO = 25
"""With more classes the cells are too small for a number, which then only shows under the pointer."""


def confusion_figure(confusion: Ints, labels: Sequence[str], counted: str = "rows") -> Markup:
    """Draw the matrix (K, K): a row is an actual class, its cells are shaded by their share of that row.

    Args:
        counted: what the numbers count.
    """
    shown = _most_mistaken(confusion)
    classes = len(shown)
    cell = min(96.0, max(13.0, 640 / classes))
    font = min(13.0 if classes > 5 else 15.0, max(9.0, cell * 0.42))
    names = [shorten(labels[k], 26) for k in shown]
    margin = max(len(name) for name in names) * font * 0.56 + 28
    # Column names stand upright only where they are too long to lie side by side.
    flat = max(len(name) for name in names) * font * 0.6 < cell
    top = 44.0 if flat else margin
    side = cell * classes
    svg = canvas(margin + side + 8, top + side + 8, f"Confusion matrix of {classes} classes")
    draw(
        svg, "text", "actual", kind="axis", x=10, y=top + side / 2, transform=f"rotate(-90 10 {number(top + side / 2)})"
    )
    draw(svg, "text", "predicted", kind="axis", x=margin + side / 2, y=12)
    draw(svg, "rect", kind="plane", x=margin, y=top, width=side, height=side)
    for at, name in enumerate(names):
        middle = (at + 0.5) * cell
        draw(svg, "text", name, kind="label end", x=margin - 6, y=top + middle + font * 0.35, font_size=font)
        x, y = margin + middle, top - 6
        if flat:
            draw(svg, "text", name, kind="label middle", x=x, y=y, font_size=font)
        else:
            x += font * 0.35
            turn = f"rotate(-90 {number(x)} {number(y)})"
            draw(svg, "text", name, kind="label", x=x, y=y, font_size=font, transform=turn)
    cells = draw(svg, "g", transform=f"translate({number(margin)} {number(top)})")
    for i, actual in enumerate(shown):
        total = int(confusion[actual].sum())
        for j, predicted in enumerate(shown):
            rows = int(confusion[actual, predicted])
            if not rows:
                continue
            share = rows / total
            # The root makes mistakes of a few per cent visible, and any count can be seen.
            strength = max(0.08, share if i == j else min(1.0, 1.4 * share**0.5))
            place = f"translate({number(j * cell)} {number(i * cell)})"
            group = draw(cells, "g", kind="right" if i == j else "wrong", transform=place)
            draw(
                group, "title", f"{labels[actual]} → {labels[predicted]}: {rows:,} of {total:,} {counted} ({share:.1%})"
            )
            draw(group, "rect", width=cell, height=cell, fill_opacity=strength)
            if classes <= COUNTS_UP_TO:
                _count(group, rows, cell, font, strong=strength > 0.75)
    for k in range(classes + 1):
        draw(cells, "line", kind="mesh", x1=k * cell, y1=0, x2=k * cell, y2=side)
        draw(cells, "line", kind="mesh", x1=0, y1=k * cell, x2=side, y2=k * cell)
    return finish(svg)


def _count(group: Element, rows: int, cell: float, font: float, *, strong: bool) -> None:
    """Write the number of rows into a cell; a long one is set smaller, so that it fits."""
    text = str(rows) if rows < 10_000 else f"{rows / 1000:.0f}k"
    size = min(font, cell * 0.9 / (len(text) * 0.6))
    kind = "count strong" if strong else "count"
    draw(group, "text", text, kind=kind, x=cell / 2, y=cell / 2 + size * 0.35, font_size=size)


def _most_mistaken(confusion: Ints) -> list[int]:
    """Indices of the classes to show, in label order."""
    if len(confusion) <= MOST_CLASSES:
        return list(range(len(confusion)))
    hits = np.diagonal(confusion)
    mistakes = confusion.sum(axis=0) + confusion.sum(axis=1) - 2 * hits
    return sorted(int(k) for k in np.argsort(-mistakes, kind="stable")[:MOST_CLASSES])


def risk_figure(curve: RiskCoverage) -> Markup:
    """Draw the share of wrong answers (upwards) over the share of rows that are answered, the surest first."""
    left, top, side, height = 52.0, 14.0, 300.0, 220.0
    base = top + height
    y_ticks = ticks(0.0, max(0.01, float(curve.risk.max(initial=0.0))))
    svg = canvas(left + side + 20, base + 48, "Share of wrong answers by share of rows answered")
    for value in y_ticks:
        y = base - value / y_ticks[-1] * height
        draw(svg, "line", kind="grid", x1=left, y1=y, x2=left + side, y2=y)
        draw(svg, "text", f"{100 * value:g}%", kind="tick end", x=left - 6, y=y + 4)
    for at in (0.0, 0.25, 0.5, 0.75, 1.0):
        draw(svg, "text", f"{at:.0%}", kind="tick middle", x=left + at * side, y=base + 18)
    # More points than pixels draw the same line.
    kept = np.unique(np.linspace(0, len(curve.risk) - 1, min(300, len(curve.risk))).astype(np.int64))
    points = [(left + curve.coverage[k] * side, base - curve.risk[k] / y_ticks[-1] * height) for k in kept]
    draw(svg, "polyline", kind="curve c0", points=path([(float(x), float(y)) for x, y in points]))
    middle = top + height / 2
    draw(svg, "text", "wrong answers", kind="axis", x=11, y=middle, transform=f"rotate(-90 11 {number(middle)})")
    draw(svg, "text", "rows answered, the surest first", kind="axis", x=left + side / 2, y=base + 40)
    return finish(svg)
