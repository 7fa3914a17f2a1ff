"""The metric over the strength of a change, with its interval."""

from markupsafe import Markup

from finetrail.assessment.curves.scores import Measured, Result
from finetrail.assessment.curves.ways import About
from finetrail.evaluation.report.axes import At, Axis, Line, interval_figure
from finetrail.evaluation.scores.bootstrap import Interval


def strength_figure(measured: Measured, result: Result, about: About) -> Markup | None:
    """The metric as it is and at the strengths that were measured; None where a value is no number."""
    word = measured.ways.strength
    points = [(0, measured.clean), *((one.strength, one.value) for one in result.levels)]
    line = Line([At(at, one, f"{word} {at}: {_said(measured, one)}") for at, one in points])
    description = f"{measured.metric.title} by {word} of {about.title}"
    return interval_figure(description, _across(measured, about), _up(measured), [line])


def _across(measured: Measured, about: About) -> Axis:
    """One axis for all figures of a report, so that they can be compared; with a tick at each strength."""
    found = {one.strength for result in measured.results for one in result.levels}
    return Axis(f"{about.axis} (0: as it is)", (0, *sorted(found)))


def _up(measured: Measured) -> Axis:
    values = [measured.clean, *(level.value for one in measured.results for level in one.levels)]
    return Axis.over(measured.metric.on_axis, [end for one in values for end in (one.low, one.high)])


def _said(measured: Measured, one: Interval) -> str:
    say = measured.metric.say
    return f"{say(one.value)} ({say(one.low)} to {say(one.high)})"
