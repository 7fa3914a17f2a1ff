"""The figures of a tagger's report: which types are taken for which, and F1 of each type. See drawing.py."""

from collections.abc import Sequence

import numpy as np
from markupsafe import Markup

from finetrail.evaluation.report.drawing import canvas, draw, finish, shorten
from finetrail.evaluation.scores.bootstrap import Ints
from finetrail.targets.classes.figures import confusion_figure
from finetrail.targets.tags.metrics import PerType

MOST_BARS = 40
"""Of more types, only those with the lowest F1 are shown: the others are in the table."""
FEW_SPANS = 10
"""A type of fewer spans says little about the model and is drawn pale."""
NO_SPAN = "(no span)"


def types_figure(confusion: Ints, types: Sequence[str]) -> Markup:
    """Draw which types are taken for which; the last row and column are spans made up, and missed."""
    return confusion_figure(confusion, [*types, NO_SPAN])


def f1_figure(found: PerType, types: Sequence[str]) -> Markup:
    """Draw a bar per type: its strict F1, the lowest first."""
    scored = [k for k in range(len(types)) if found.support[k]]
    shown = sorted(scored, key=lambda k: (found.f1[k], types[k]))[:MOST_BARS]
    left, top, side, tall = 190.0, 6.0, 300.0, 20.0
    base = top + tall * len(shown)
    svg = canvas(left + side + 110, base + 24, f"F1 of {len(shown)} types")
    for at in np.linspace(0, 1, 5).tolist():
        x = left + at * side
        draw(svg, "line", kind="grid", x1=x, y1=top, x2=x, y2=base)
        draw(svg, "text", f"{at:g}", kind="tick middle", x=x, y=base + 15)
    for place, k in enumerate(shown):
        y, f1, spans = top + place * tall, float(found.f1[k]), int(found.support[k])
        draw(svg, "text", shorten(types[k], 26), kind="label end", x=left - 8, y=y + 14)
        kind = "bar few" if spans < FEW_SPANS else "bar"
        bar = draw(svg, "rect", kind=kind, x=left, y=y + 3, width=max(1.0, f1 * side), height=tall - 6)
        draw(bar, "title", f"{types[k]}: F1 {f1:.3f} of {spans:,} spans")
        draw(svg, "text", f"{f1:.3f} ({spans:,})", kind="tick", x=left + side + 8, y=y + 14)
    return finish(svg)
