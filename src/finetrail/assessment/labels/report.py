"""The report on labels: a self-contained page."""

from collections.abc import Mapping, Sequence
from typing import Any

from finetrail.assessment.assessed import Given
from finetrail.assessment.labels.figures import quality_figure
from finetrail.assessment.labels.shown import Suspect
from finetrail.evaluation.report.section import render
from finetrail.targets.suspicion import Suspicion

_HERE = "finetrail.assessment.labels"


def page(given: Given, suspicion: Suspicion, written: Mapping[str, Any], suspects: Sequence[Suspect]) -> str:
    """The report as one HTML document. All text is escaped by its template. Args: written: labels.json."""
    return str(
        render(
            "page.html.jinja",
            _HERE,
            task=given.built.task.name,
            written=written,
            suspects=suspects,
            figure=quality_figure(suspicion),
        )
    )
