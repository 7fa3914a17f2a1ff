"""Answers that need no model, beside the model's: a report that names none says little of a text's quality."""

from collections.abc import Mapping
from dataclasses import dataclass

from finetrail.evaluation.report.section import Section, render
from finetrail.evaluation.scores.bootstrap import Draws, Interval, bootstrap
from finetrail.evaluation.scores.metric import Metric
from finetrail.evaluation.slices import SplitRows
from finetrail.targets.codec import Answers, Codec


@dataclass(frozen=True)
class Rival:
    """Answers that need no model.

    Attributes:
        ahead: by how much the model is better; below 0 it is worse.
        same: the share of rows to which the model gives this very answer.
    """

    name: str
    value: Interval
    ahead: Interval
    same: float


def compared(
    codec: Codec, rows: SplitRows, answers: Answers, rivals: Mapping[str, Answers], *, metric: Metric, draws: Draws
) -> list[Rival]:
    """Compare a model's answers with others to the same rows, on the same resamples."""
    if not rivals:
        return []
    judge = codec.judge
    groups = rows.groups if judge.by_group else None
    resampled = bootstrap(judge, rows.labels, [answers, *rivals.values()], draws, groups=groups)
    found = []
    for place, (name, other) in enumerate(rivals.items(), start=1):
        more, less = (place, 0) if metric.lower else (0, place)
        value = resampled.interval(metric.name, place, draws.confidence)
        ahead = resampled.difference(metric.name, more, less, draws.confidence)
        found.append(Rival(name, value, ahead, 1 - float(codec.differ(answers, other, codec).mean())))
    return found


def rivals_section(rivals: list[Rival], metric: Metric) -> list[Section]:
    """What a report says of them; nothing where there are none."""
    if not rivals:
        return []
    html = render("rivals.html.jinja", "finetrail.targets", rivals=rivals, metric=metric)
    json = {
        one.name: {metric.name: one.value.value, "same_answers": one.same, "ahead": [one.ahead.low, one.ahead.high]}
        for one in rivals
    }
    return [Section("rivals", "Without a model", html, {"rivals": json})]
