"""The figures of a classifier's report: confusion matrix and reliability diagram. Inline SVG, see drawing.py."""

from collections.abc import Sequence
from xml.etree.ElementTree import Element

import numpy as np
from markupsafe import Markup

from finetrail.evaluation.report.drawing import canvas, draw, finish, number, shorten
from finetrail.evaluation.scores.bootstrap import Ints
from finetrail.targets.classes.calibration import Calibration

MOST_CLASSES = 50
"""More classes than this make unreadable cells: the figure then shows those with the most mistakes."""
COUNTS_UP_TO = 25
"""With more classes the cells are too small for a number, which then only shows under the pointer."""
FEW_ROWS = 10
"""A bin of fewer rows says little about calibration and is drawn pale."""


def confusion_figure(confusion: Ints, labels: Sequence[str]) -> Markup:
    """Draw the matrix (K, K): a row is an actual class, its cells are shaded by their share of that row."""
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
            draw(group, "title", f"{labels[actual]} → {labels[predicted]}: {rows:,} of {total:,} rows ({share:.1%})")
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


def reliability_figure(calibration: Calibration) -> Markup:
    """Draw, for each bin of confidence, how often the model was right, and below it how many rows the bin holds."""
    left, top, side, strip = 46.0, 10.0, 300.0, 56.0
    base = top + side
    svg = canvas(left + side + 24, base + strip + 62, "Reliability diagram")
    for at in (0.0, 0.25, 0.5, 0.75, 1.0):
        x, y = left + at * side, base - at * side
        draw(svg, "line", kind="grid", x1=left, y1=y, x2=left + side, y2=y)
        draw(svg, "text", f"{at:.0%}", kind="tick end", x=left - 6, y=y + 4)
        draw(svg, "text", f"{at:.0%}", kind="tick middle", x=x, y=base + strip + 28)
    most = max((one.rows for one in calibration.bins), default=0) or 1
    for one in calibration.bins:
        if not one.rows:
            continue
        x, width = left + one.low * side + 1, (one.high - one.low) * side - 2
        group = draw(svg, "g", kind="few" if one.rows < FEW_ROWS else "bin")
        draw(
            group,
            "title",
            f"confidence {one.low:.0%} to {one.high:.0%}: {one.rows:,} rows, "
            f"says {one.confidence:.1%} on average, is right in {one.accuracy:.1%}",
        )
        draw(group, "rect", kind="bar", x=x, y=base - one.accuracy * side, width=width, height=one.accuracy * side)
        said = base - one.confidence * side
        draw(group, "line", kind="said", x1=x, y1=said, x2=x + width, y2=said)
        tall = max(1.0, one.rows / most * strip)
        draw(group, "rect", kind="amount", x=x, y=base + 12 + strip - tall, width=width, height=tall)
    draw(svg, "line", kind="ideal", x1=left, y1=base, x2=left + side, y2=top)
    middle = top + side / 2
    draw(svg, "text", "right answers", kind="axis", x=11, y=middle, transform=f"rotate(-90 11 {number(middle)})")
    draw(svg, "text", "confidence (and rows at that confidence)", kind="axis", x=left + side / 2, y=base + strip + 50)
    return finish(svg)
