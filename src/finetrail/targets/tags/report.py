"""The report of a tagger: how good the chosen model is, and which spans it misses, makes up or takes for another."""

from finetrail.evaluation.report.gallery import Gallery
from finetrail.evaluation.report.page import MISTAKES, capital
from finetrail.evaluation.report.section import Section, Story, Tile, render
from finetrail.targets.reliability import calibration_section
from finetrail.targets.tags import METRICS
from finetrail.targets.tags.evaluation import TagEvaluation
from finetrail.targets.tags.marked import marked
from finetrail.targets.tags.mistakes import Kind

_HERE = "finetrail.targets.tags"
_KINDS: dict[Kind, str] = {
    "right": "Right: start, end and type",
    "one_word": "Right type, one word too few or too many",
    "boundary": "Right type, otherwise off at an end",
    "type": "Right words, another type",
    "type_and_boundary": "Another type, and off at an end",
    "missed": "Missed",
    "spurious": "Made up",
}


def tell(evaluation: TagEvaluation, gallery: Gallery) -> Story:
    """The story of the report."""
    lead = render("lead.html.jinja", _HERE, evaluation=evaluation)
    sections = [_kinds(evaluation), _types(evaluation), _calibration(evaluation), _sentences(evaluation, gallery)]
    about = f"{len(evaluation.types)} types of spans"
    return Story("spans", about, lead, _tiles(evaluation), sections)


def _tiles(evaluation: TagEvaluation) -> list[Tile]:
    """A tile per metric, the default one first."""
    tiles = []
    for metric in reversed(METRICS):
        interval = evaluation.metrics[metric.name]
        ends = f"{metric.say(interval.low)} to {metric.say(interval.high)}"
        tiles.append(Tile(capital(metric.title), metric.say(interval.value), (ends,), interval))
    return tiles


def _kinds(evaluation: TagEvaluation) -> Section:
    most = max(1, *evaluation.kinds.values())
    kinds = [(said, evaluation.kinds[kind], evaluation.kinds[kind] / most) for kind, said in _KINDS.items()]
    html = render("kinds.html.jinja", _HERE, kinds=kinds, figure=evaluation.plots()["types"])
    return Section("kinds", "What goes wrong", html, {"spans": dict(evaluation.kinds)})


def _types(evaluation: TagEvaluation) -> Section:
    found = evaluation.of_types
    names = ("precision", "recall", "f1", "partial_f1")
    per_type = {
        label: {name: float(getattr(found, name)[k]) for name in (*names, "accuracy")}
        | {"support": int(found.support[k])}
        for k, label in enumerate(evaluation.types)
    }
    order = sorted(per_type, key=lambda label: (not per_type[label]["support"], per_type[label]["f1"], label))
    shown = ("accuracy", *names) if evaluation.plain else names
    html = render("types.html.jinja", _HERE, types=[(label, per_type[label]) for label in order], names=shown)
    return Section("types", "Types", html, {"per_type": per_type})


def _calibration(evaluation: TagEvaluation) -> Section:
    fitted = (
        f"Its logits are divided by {evaluation.temperature:.3g}, a temperature that was fitted on the validation rows."
    )
    return calibration_section(evaluation.calibrated, "words", fitted, {"temperature": evaluation.temperature})


def _sentences(evaluation: TagEvaluation, gallery: Gallery) -> Section:
    rows = []
    for row in evaluation.worst[:MISTAKES]:
        text = gallery.texts.get(row.id, "")
        rows.append((row.id, marked(text, row.actual, row.predicted), marked(text, row.predicted, row.actual)))
    html = render("sentences.html.jinja", _HERE, rows=rows, evaluation=evaluation)
    return Section("mistakes", "Worst sentences", html)
