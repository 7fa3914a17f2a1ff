"""The report on robustness: a self-contained page."""

from collections.abc import Mapping, Sequence

from finetrail.assessment.assessed import Given
from finetrail.assessment.robustness.examples import Example
from finetrail.assessment.robustness.figures import severity_figure
from finetrail.assessment.robustness.scores import Measured
from finetrail.evaluation.report.page import capital
from finetrail.evaluation.report.section import render

_HERE = "finetrail.assessment.robustness"


def page(given: Given, measured: Measured, examples: Mapping[str, Sequence[Example]]) -> str:
    """The report as one HTML document. All text is escaped by its template."""
    about = given.built.task.content.perturbations
    figures = {one.name: severity_figure(measured, one, about[one.name].title) for one in measured.results}
    return str(
        render(
            "page.html.jinja",
            _HERE,
            candidate=given.candidate,
            task=given.built.task.name,
            measured=measured,
            metric=measured.metric,
            title=capital(measured.metric.title),
            about=about,
            figures=figures,
            examples=examples,
            level=f"{measured.draws.confidence * 100:g}%",
        )
    )
