"""The report on a metric as contents are changed: a self-contained page."""

from collections.abc import Mapping, Sequence
from typing import Any

from finetrail.assessment.assessed import Given
from finetrail.assessment.curves.examples import Example
from finetrail.assessment.curves.figures import strength_figure
from finetrail.assessment.curves.scores import Measured
from finetrail.assessment.curves.ways import About
from finetrail.evaluation.report.page import capital
from finetrail.evaluation.report.section import render

BASE = "curves.html.jinja"


def page(
    template: tuple[str, str],
    given: Given,
    measured: Measured,
    about: Mapping[str, About],
    examples: Mapping[str, Sequence[Example]],
    **more: Any,
) -> str:
    """The report as one HTML document. All text is escaped by its template.

    Args:
        template: its package and its file, which extends `BASE`.
        about: the ways, by name.
        more: what the template needs besides.
    """
    package, file = template
    return str(
        render(
            file,
            package,
            candidate=given.candidate,
            task=given.built.task.name,
            measured=measured,
            metric=measured.metric,
            title=capital(measured.metric.title),
            about=about,
            figures={one.name: strength_figure(measured, one, about[one.name]) for one in measured.results},
            examples=examples,
            level=f"{measured.draws.confidence * 100:g}%",
            **more,
        )
    )
