"""How much each setting matters, as bars."""

from markupsafe import Markup

from finetrail.evaluation.report.axes import Axis, Rows
from finetrail.evaluation.report.drawing import draw, finish, shorten, write
from finetrail.studies.importances import Importances
from finetrail.studies.shown import Shown

LEFT, TOP, WIDTH, STEP = 130.0, 8.0, 232.0, 26.0
_LONGEST = 20
"""Characters of a setting's name that are drawn."""


def importances_figure(shown: Shown, found: Importances) -> Markup | None:
    """A bar for each setting, and a line where chance ends; None where there is nothing to tell."""
    if not found.shares:
        return None
    axis = Axis.over("share of the differences (%)", [0.0, *(100 * share for share in found.shares.values())])
    rows = Rows(axis, len(found.shares), LEFT, TOP, WIDTH, STEP)
    svg = rows.start("How much each setting matters")
    for nth, (name, share) in enumerate(found.shares.items()):
        y = rows.y(nth)
        label = write(svg, shorten(shown.study.short_names[name], _LONGEST), kind="tick end", x=LEFT - 8, y=y + 4)
        draw(label, "title", name)
        bar = draw(svg, "rect", kind="bar", x=LEFT, y=y - 8, width=rows.x(100 * share) - LEFT, height=16, rx=2)
        draw(bar, "title", f"{name}: {100 * share:.1f}%")
    x = rows.x(min(100 * found.chance, axis.marks[-1]))
    line = draw(svg, "line", kind="best", x1=x, y1=TOP, x2=x, y2=rows.bottom)
    draw(line, "title", f"random numbers: up to {100 * found.chance:.1f}%")
    return finish(svg)
