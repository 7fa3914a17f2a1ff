"""The report on a shift: a self-contained page."""

from finetrail.assessment.assessed import Given
from finetrail.assessment.shift.measuring import Measured
from finetrail.assessment.shift.settings import Shift
from finetrail.evaluation.report.gallery import show
from finetrail.evaluation.report.section import render

_HERE = "finetrail.assessment.shift"


def page(given: Given, measured: Measured, settings: Shift) -> str:
    """The report as one HTML document. All text is escaped by its template."""
    preview = given.built.processor.preview
    furthest = measured.furthest(settings.max_shown)
    return str(
        render(
            "page.html.jinja",
            _HERE,
            candidate=given.candidate,
            task=given.built.task.name,
            measured=measured,
            name=settings.rows,
            permutations=settings.permutations,
            resamples=given.draws.resamples,
            level=f"{100 * given.draws.confidence:g}%",
            shares=measured.shares[: settings.max_shown],
            furthest=[(row, show(preview(measured.others.contents[row]))) for row in furthest],
        )
    )
