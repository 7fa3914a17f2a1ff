"""The report on a model that writes texts: how good they are, how long, and the worst beside their references."""

from dataclasses import asdict

from finetrail.evaluation.report.gallery import Gallery
from finetrail.evaluation.report.page import MISTAKES, capital
from finetrail.evaluation.report.section import Section, Story, Tile, render
from finetrail.targets.sequences import METRICS, with_last
from finetrail.targets.sequences.evaluation import SequenceEvaluation
from finetrail.targets.sequences.habits import REFUSALS
from finetrail.targets.sequences.marked import marked
from finetrail.targets.target import metric_named

_HERE = "finetrail.targets.sequences"
_ROUGE = "mean F1 of the rows; words of any script in lower case, no stemming; single characters where no spaces are"


def tell(evaluation: SequenceEvaluation, gallery: Gallery) -> Story:
    """The story of the report."""
    reached = [
        (metric.title, metric.say(evaluation.metrics[metric.name].value))
        for metric in (metric_named(METRICS, name) for name in ("chrf", "bleu", "rougeL"))
    ]
    lead = render(
        "lead.html.jinja", _HERE, evaluation=evaluation, reached=reached, ratio=f"{100 * evaluation.ratio:.0f}%"
    )
    sections = [_counted(evaluation), _lengths(evaluation), _habits(evaluation), _texts(evaluation, gallery)]
    return Story("text", "", lead, _tiles(evaluation), sections)


def _tiles(evaluation: SequenceEvaluation) -> list[Tile]:
    """A tile per metric, the one that single rows are judged by first."""
    tiles = []
    for metric in reversed(with_last(evaluation.metric)):
        interval = evaluation.metrics[metric.name]
        ends = f"{metric.say(interval.low)} to {metric.say(interval.high)}"
        tiles.append(Tile(capital(metric.title), metric.say(interval.value), (ends,), interval))
    return tiles


def _counted(evaluation: SequenceEvaluation) -> Section:
    found, named = evaluation.metrics, evaluation.signatures
    counted = [
        (metric.title, 100 * found[metric.name].value, named.get(metric.name, _ROUGE))
        for metric in reversed(METRICS)
        if metric.name != "exact_match"
    ]
    html = render("counted.html.jinja", _HERE, counted=counted)
    json = {name: {"score": [100 * found[name].value], "signature": signature} for name, signature in named.items()}
    return Section("counted", "How it was counted", html, {"sacrebleu": json})


def _lengths(evaluation: SequenceEvaluation) -> Section:
    metric = metric_named(METRICS, evaluation.metric)
    html = render("lengths.html.jinja", _HERE, evaluation=evaluation, title=metric.title, **evaluation.plots())
    return Section("lengths", "Lengths", html, {"lengths": [asdict(one) for one in evaluation.lengths]})


def _habits(evaluation: SequenceEvaluation) -> Section:
    habits = [(habit.said, habit.answers, habit.references) for habit in evaluation.habits.values()]
    html = render("habits.html.jinja", _HERE, habits=habits, pattern=evaluation.pattern, languages=len(REFUSALS))
    return Section("habits", "Loops and refusals", html)


def _texts(evaluation: SequenceEvaluation, gallery: Gallery) -> Section:
    rows = [
        (row, shown.text, *marked(row.reference, row.answer))
        for row, shown in gallery.beside(evaluation.worst[:MISTAKES])
    ]
    title = metric_named(METRICS, evaluation.metric).title
    return Section(
        "mistakes", "Worst rows", render("texts.html.jinja", _HERE, evaluation=evaluation, rows=rows, title=title)
    )
