"""The report on a model that learnt from preference pairs: that on its texts, and how it ranks pairs."""

from dataclasses import replace

from finetrail.evaluation.report.gallery import Gallery
from finetrail.evaluation.report.page import capital
from finetrail.evaluation.report.section import Section, Story, Tile, render
from finetrail.evaluation.scores.bootstrap import Interval
from finetrail.evaluation.scores.metric import Metric
from finetrail.targets.preferences import NEARER, REWARDS
from finetrail.targets.preferences.evaluation import PreferenceEvaluation
from finetrail.targets.sequences.report import tell as tell_of_texts

_HERE = "finetrail.targets.preferences"


def tell(evaluation: PreferenceEvaluation, gallery: Gallery) -> Story:
    """The story of the report."""
    of_texts = tell_of_texts(evaluation, gallery)
    interval = evaluation.metrics[NEARER.name]
    tile = Tile(capital(NEARER.title), NEARER.say(interval.value), (_ends(NEARER, interval),), interval)
    return replace(
        of_texts,
        tiles=[tile, *of_texts.tiles],
        sections=[_ranked(evaluation), *of_texts.sections] if evaluation.rewards else of_texts.sections,
    )


def _ranked(evaluation: PreferenceEvaluation) -> Section:
    found = [(metric, evaluation.rewards[metric.name]) for metric in reversed(REWARDS)]
    rows = [(metric.title, metric.say(one.value), _ends(metric, one)) for metric, one in found]
    html = render("ranked.html.jinja", _HERE, rows=rows, beta=evaluation.beta)
    json = {metric.name: {"value": one.value, "low": one.low, "high": one.high} for metric, one in found}
    return Section("ranked", "Preference pairs", html, {"validation_rewards": json})


def _ends(metric: Metric, interval: Interval) -> str:
    return f"{metric.say(interval.low)} to {metric.say(interval.high)}"
