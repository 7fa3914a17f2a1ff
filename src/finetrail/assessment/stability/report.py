"""The report on stability: a self-contained page."""

from finetrail.assessment.stability.figures import curve_figure, runs_figure
from finetrail.assessment.stability.scores import Measured
from finetrail.evaluation.report.page import capital
from finetrail.evaluation.report.section import render

_HERE = "finetrail.assessment.stability"
MOST_GROUPS = 20
"""Groups that the page shows of a candidate; stability.json has all."""


def page(measured: Measured, task: str, differing: str) -> str:
    """The report as one HTML document. All text is escaped by its template.

    Args:
        task: its name.
        differing: what a different answer is, in a few words.
    """
    metric = measured.asked.metric
    return str(
        render(
            "page.html.jinja",
            _HERE,
            task=task,
            measured=measured,
            asked=measured.asked,
            metric=metric,
            title=capital(metric.title),
            differing=differing,
            level=f"{measured.asked.draws.confidence * 100:g}%",
            runs=runs_figure(measured),
            curves={one.candidate: curve_figure(measured, one) for one in measured.candidates if one.curve},
            most=MOST_GROUPS,
        )
    )
