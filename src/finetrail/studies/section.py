"""The section of a test report on the search for the candidate's settings."""

from finetrail.evaluation.report.section import Section, render
from finetrail.evaluation.scores.metric import Metric
from finetrail.runs.study import Study
from finetrail.studies.history import history_figure
from finetrail.studies.shown import Shown
from finetrail.studies.words import found_by


def search_section(candidate: str, study: Study, metric: Metric) -> Section:
    """How the settings were found, and how much of the value that found them was luck. Args: metric: the study's."""
    shown = Shown(study, metric)
    html = render(
        "section.html.jinja",
        "finetrail.studies",
        candidate=candidate,
        study=study,
        shown=shown,
        metric=metric,
        found=found_by(candidate, study, metric),
        history=history_figure(shown),
    )
    return Section("search", "Search", html)
