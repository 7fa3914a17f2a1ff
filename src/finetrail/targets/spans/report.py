"""The report of a reader of contexts: how good it is, what it would take to beat it, and where it is wrong."""

from typing import NamedTuple

from finetrail.evaluation.report.gallery import Gallery
from finetrail.evaluation.report.page import MISTAKES, capital
from finetrail.evaluation.report.section import Section, Story, Tile, render
from finetrail.evaluation.scores.bootstrap import Interval
from finetrail.targets.reliability import calibration_section
from finetrail.targets.spans import METRICS
from finetrail.targets.spans.evaluation import SpanEvaluation, WrongRow
from finetrail.targets.spans.marked import Piece, marked

_HERE = "finetrail.targets.spans"


class Shown(NamedTuple):
    """A wrong answer in its context."""

    row: WrongRow
    question: str
    pieces: list[Piece]


def tell(evaluation: SpanEvaluation, gallery: Gallery) -> Story:
    """The story of the report."""
    lead = render("lead.html.jinja", _HERE, evaluation=evaluation)
    unanswerable = [_unanswerable(evaluation)] if evaluation.kinds else []
    sections = [*unanswerable, _lengths(evaluation), _calibration(evaluation)]
    about = f"{evaluation.contexts} contexts" if evaluation.contexts else ""
    return Story("answer", about, lead, _tiles(evaluation), [*sections, _mistakes(evaluation, gallery)])


def _tiles(evaluation: SpanEvaluation) -> list[Tile]:
    """A tile per metric, the default one first."""
    return [
        Tile(capital(metric.title), metric.say(interval.value), (_ends(interval),), interval)
        for metric in reversed(METRICS)
        for interval in [evaluation.metrics[metric.name]]
    ]


def _ends(interval: Interval) -> str:
    return f"{interval.low:.3f} to {interval.high:.3f}"


def _unanswerable(evaluation: SpanEvaluation) -> Section:
    kinds = {
        kind: {name: {"value": one.value, "low": one.low, "high": one.high} for name, one in found.items()}
        for kind, found in evaluation.kinds.items()
    }
    html = render("unanswerable.html.jinja", _HERE, evaluation=evaluation, ends=_ends)
    facts = {"threshold": evaluation.codec.threshold, "decided": evaluation.decided.tolist()}
    return Section("unanswerable", "Answer or none", html, {"answerable_or_not": kinds | facts})


def _lengths(evaluation: SpanEvaluation) -> Section:
    html = render("lengths.html.jinja", _HERE, scored=evaluation.lengths)
    lengths = {one.name: {"rows": one.rows, "exact_match": one.exact_match, "f1": one.f1} for one in evaluation.lengths}
    return Section("lengths", "Length", html, {"by_length": lengths})


def _calibration(evaluation: SpanEvaluation) -> Section:
    temperature = evaluation.codec.temperature
    fitted = f"Its scores are divided by {temperature:.3g}, a temperature that was fitted on the validation rows."
    return calibration_section(evaluation.calibrated, "answers", fitted, {"temperature": temperature})


def _mistakes(evaluation: SpanEvaluation, gallery: Gallery) -> Section:
    rows = []
    for row in evaluation.worst[:MISTAKES]:
        question, _, context = gallery.texts.get(row.id, "").partition("\n")
        rows.append(Shown(row, question, marked(context, row.actual, row.answer)))
    html = render("mistakes.html.jinja", _HERE, rows=rows, evaluation=evaluation)
    return Section("mistakes", "Worst mistakes", html)
