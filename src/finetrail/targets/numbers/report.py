"""The report of a regression: how far off the chosen model is, and where."""

from collections.abc import Iterator
from dataclasses import asdict

import numpy as np

from finetrail.evaluation.report.gallery import Gallery
from finetrail.evaluation.report.page import MISTAKES, capital
from finetrail.evaluation.report.section import Section, Story, Tile, render
from finetrail.evaluation.scores.bootstrap import Interval
from finetrail.evaluation.scores.metric import Metric
from finetrail.targets.numbers import METRICS
from finetrail.targets.numbers.evaluation import NumberEvaluation
from finetrail.targets.numbers.figures import errors_figure, scatter_figure

_HERE = "finetrail.targets.numbers"


def tell(evaluation: NumberEvaluation, gallery: Gallery) -> Story:
    """The story of the report."""
    lead = render("lead.html.jinja", _HERE, evaluation=evaluation)
    sections = [_fit(evaluation), _ranges(evaluation), *_intervals(evaluation), _mistakes(evaluation, gallery)]
    return Story("number", "", lead, list(_tiles(evaluation)), sections)


def _tiles(evaluation: NumberEvaluation) -> Iterator[Tile]:
    """A tile per metric, the default one first."""
    for metric in reversed(METRICS):
        interval, base = evaluation.metrics[metric.name], evaluation.baseline[metric.name]
        notes = (f"{metric.say(interval.low)} to {metric.say(interval.high)}", f"the mean gives {metric.say(base)}")
        scale = _scale(metric, interval, base)
        yield Tile(capital(metric.title), metric.say(interval.value), notes, interval, scale)


def _scale(metric: Metric, interval: Interval, base: float) -> tuple[float, float]:
    """From nothing to the baseline, or from nothing to all that can be had."""
    if metric.lower:
        return 0.0, max(interval.high, base)
    return min(0.0, interval.low), 1.0


def _fit(evaluation: NumberEvaluation) -> Section:
    html = render(
        "fit.html.jinja",
        _HERE,
        evaluation=evaluation,
        scatter_figure=scatter_figure(evaluation.shown, evaluation.mean),
        errors_figure=errors_figure(evaluation.predicted - evaluation.actual),
    )
    absolute = np.abs(evaluation.predicted - evaluation.actual)
    parts = {"median": 0.5, "90%": 0.9, "largest": 1.0}
    errors = {f"absolute_{name}": float(np.quantile(absolute, part)) for name, part in parts.items()}
    baseline = {"mean_of_train": evaluation.mean, **evaluation.baseline}
    json = {"baseline": baseline, "errors": {"bias": evaluation.bias} | errors}
    return Section("fit", "Predicted and actual", html, json)


def _ranges(evaluation: NumberEvaluation) -> Section:
    largest = max(one.mae for one in evaluation.ranges) or 1.0
    html = render("ranges.html.jinja", _HERE, evaluation=evaluation, largest=largest)
    return Section("ranges", "By size", html, {"ranges": [asdict(one) for one in evaluation.ranges]})


def _intervals(evaluation: NumberEvaluation) -> list[Section]:
    if not evaluation.intervals:
        return []
    found = [asdict(one) for one in evaluation.intervals]
    html = render("intervals.html.jinja", _HERE, intervals=evaluation.intervals)
    return [Section("intervals", "Intervals", html, {"prediction_intervals": found})]


def _mistakes(evaluation: NumberEvaluation, gallery: Gallery) -> Section:
    mistakes = gallery.beside(evaluation.worst[:MISTAKES])
    html = render("mistakes.html.jinja", _HERE, evaluation=evaluation, mistakes=mistakes, images=gallery.images)
    return Section("mistakes", "Largest errors", html)
