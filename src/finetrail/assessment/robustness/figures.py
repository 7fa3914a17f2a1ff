"""The metric over severity, with its interval."""

from markupsafe import Markup

from finetrail.assessment.robustness.scores import Measured, Result
from finetrail.evaluation.report.axes import At, Axis, Line, interval_figure
from finetrail.evaluation.scores.bootstrap import Interval

ACROSS = Axis("severity (0: as it is)", (0, 1, 2, 3, 4, 5))


def severity_figure(measured: Measured, result: Result, title: str) -> Markup | None:
    """The metric at severity 0 and at those that were measured; None where a value is no number."""
    points = [(0, measured.clean), *((one.severity, one.value) for one in result.severities)]
    line = Line([At(severity, one, f"severity {severity}: {_said(measured, one)}") for severity, one in points])
    return interval_figure(f"{measured.metric.title} by severity of {title}", ACROSS, _up(measured), [line])


def _up(measured: Measured) -> Axis:
    """One axis for all figures of a report, so that they can be compared."""
    values = [measured.clean, *(level.value for one in measured.results for level in one.severities)]
    unit = " (unit of the label)" if measured.metric.in_unit else ""
    return Axis.over(measured.metric.title + unit, [end for one in values for end in (one.low, one.high)])


def _said(measured: Measured, one: Interval) -> str:
    say = measured.metric.say
    return f"{say(one.value)} ({say(one.low)} to {say(one.high)})"
