"""The report on a study: a self-contained page, from study.json alone."""

from finetrail.evaluation.report.page import capital
from finetrail.evaluation.report.section import Section, render
from finetrail.evaluation.scores.metric import Metric
from finetrail.runs.study import Study
from finetrail.search.figures.bars import importances_figure
from finetrail.search.figures.confirmation import confirmation_figure
from finetrail.search.figures.history import history_figure
from finetrail.search.figures.parallel import parallel_figure
from finetrail.search.figures.pareto import pareto_figure
from finetrail.search.figures.slices import slice_figure
from finetrail.search.figures.trial_curves import curves_figure
from finetrail.search.importances import FEWEST, importances
from finetrail.search.shown import COSTS, Shown
from finetrail.search.words import found_by

_HERE = "finetrail.search"


def page(candidate: str, study: Study, metric: Metric, task: str) -> str:
    """The report as one HTML document. All text is escaped by its template.

    Args:
        metric: the one that the study names.
        task: its name.
    """
    shown = Shown(study, metric)
    matters = [(one, importances_figure(shown, one)) for one in importances(study)]
    return str(
        render(
            "page.html.jinja",
            _HERE,
            candidate=candidate,
            task=task,
            study=study,
            shown=shown,
            metric=metric,
            title=capital(metric.title),
            found=found_by(candidate, study, metric),
            history=history_figure(shown),
            curves=curves_figure(shown),
            confirmation=confirmation_figure(shown),
            matters=matters,
            fewest=FEWEST,
            slices=[figure for one in study.space if (figure := slice_figure(shown, one)) is not None],
            parallel=parallel_figure(shown),
            pareto=pareto_figure(shown),
            cost=COSTS.get(study.cost or ""),
        )
    )


def section(candidate: str, study: Study | None, metric: Metric) -> list[Section]:
    """What a test report says of the search for the chosen candidate; nothing where there was none."""
    if study is None:
        return []
    shown = Shown(study, metric)
    html = render(
        "section.html.jinja",
        _HERE,
        candidate=candidate,
        study=study,
        shown=shown,
        metric=metric,
        found=found_by(candidate, study, metric),
        history=history_figure(shown),
    )
    return [Section("search", "Search", html)]
