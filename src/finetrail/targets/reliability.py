"""The section of a report on calibration: whether a model's confidence can be taken at its word. Inline SVG."""

from dataclasses import asdict
from typing import Any

from markupsafe import Markup

from finetrail.evaluation.report.drawing import canvas, draw, finish, number
from finetrail.evaluation.report.section import Section, render
from finetrail.targets.calibration import Calibrated, Calibration

FEW_ROWS = 10
"""A bin of fewer rows says little about calibration and is drawn pale."""


def calibration_section(calibrated: Calibrated, noun: str, fitted: str, facts: dict[str, Any]) -> Section:
    """What the report says of calibration.

    Args:
        noun: what is counted, in the plural.
        fitted: what was fitted on the validation rows, as a sentence.
        facts: what was fitted, for the JSON.
    """
    html = render(
        "calibration.html.jinja",
        "finetrail.targets",
        calibrated=calibrated,
        figure=reliability_figure(calibrated.after),
        few=FEW_ROWS,
        noun=noun,
        fitted=fitted,
    )
    after = asdict(calibrated.after) | {"bins": [asdict(one) for one in calibrated.after.bins]}
    before = {name: getattr(calibrated.before, name) for name in ("ece", "brier", "nll", "confidence")}
    return Section("calibration", "Calibration", html, {"calibration": after | facts | {"before": before}})


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
