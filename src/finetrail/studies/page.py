"""The report on a study: a self-contained page, from study.json alone."""

from finetrail.evaluation.report.page import capital
from finetrail.evaluation.report.section import render
from finetrail.evaluation.scores.metric import Metric
from finetrail.runs.study import Study
from finetrail.studies.bars import importances_figure
from finetrail.studies.confirmation import confirmation_figure
from finetrail.studies.history import history_figure
from finetrail.studies.importances import FEWEST, importances
from finetrail.studies.parallel import parallel_figure
from finetrail.studies.pareto import pareto_figure
from finetrail.studies.shown import COSTS, Shown
from finetrail.studies.slices import slice_figure
from finetrail.studies.trial_curves import curves_figure
from finetrail.studies.words import found_by

_HERE = "finetrail.studies"


def page(candidate: str, study: Study, metric: Metric) -> str:
    """The report as one HTML document. All text is escaped by its template.

    Args:
        metric: the study's.
    """
    shown = Shown(study, metric)
    matters = [(one, importances_figure(shown, one)) for one in importances(study)]
    return str(
        render(
            "page.html.jinja",
            _HERE,
            candidate=candidate,
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
