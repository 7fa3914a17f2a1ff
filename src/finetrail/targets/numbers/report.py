"""The test report of a regression: how far off the chosen model is, where, and where it comes from."""

from collections.abc import Iterator

from finetrail.evaluation.bootstrap import Interval
from finetrail.evaluation.report.page import Report, fill
from finetrail.targets.numbers.evaluation import RegressionEvaluation
from finetrail.targets.numbers.figures import errors_figure, scatter_figure
from finetrail.targets.problem import REGRESSION, Metric

Tile = tuple[str, str, Interval, tuple[str, str, str], float, float]


def wanted_in_regression(evaluation: RegressionEvaluation) -> set[str]:
    """The ids of the test rows whose previews the report shows."""
    return {mistake.id for mistake in evaluation.mistakes}


def render_regression(report: Report[RegressionEvaluation]) -> str:
    """Return the report as one HTML document."""
    evaluation = report.evaluation
    return fill(
        "regression_report.html.jinja",
        report,
        wanted_in_regression(evaluation),
        asked="number",
        tiles=list(_tiles(evaluation)),
        largest=max(one.mae for one in evaluation.ranges) or 1.0,
        scatter_figure=scatter_figure(evaluation.shown, evaluation.mean),
        errors_figure=errors_figure(evaluation.predicted - evaluation.actual),
    )


def _tiles(evaluation: RegressionEvaluation) -> Iterator[Tile]:
    """A tile a metric, the default one first: title, value, interval, its ends and the baseline in words, the scale."""
    for metric in reversed(REGRESSION.metrics):
        interval, base = evaluation.metrics[metric.name], evaluation.baseline[metric.name]
        words = (metric.say(interval.low), metric.say(interval.high), metric.say(base))
        title = metric.title[0].upper() + metric.title[1:]
        yield title, metric.say(interval.value), interval, words, *_scale(metric, interval, base)


def _scale(metric: Metric, interval: Interval, base: float) -> tuple[float, float]:
    """From nothing to the baseline, or from nothing to all that can be had."""
    if metric.lower:
        return 0.0, max(interval.high, base)
    return min(0.0, interval.low), 1.0
