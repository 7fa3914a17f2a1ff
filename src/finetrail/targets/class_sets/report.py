"""The report of a multi-label classifier: how good the chosen model is, and which classes it gives or misses."""

from typing import Any

from finetrail.evaluation.report.gallery import Gallery
from finetrail.evaluation.report.page import MISTAKES, capital
from finetrail.evaluation.report.section import Section, Story, Tile, render
from finetrail.targets.class_sets import METRICS
from finetrail.targets.class_sets.evaluation import SetEvaluation
from finetrail.targets.reliability import calibration_section

_HERE = "finetrail.targets.class_sets"


def tell(evaluation: SetEvaluation, gallery: Gallery) -> Story:
    """The story of the report."""
    order = _weakest_first(evaluation)
    scored = [k for k in order if evaluation.classes.support[k]]
    lead = render("lead.html.jinja", _HERE, evaluation=evaluation, weakest=scored[0] if scored else None)
    sections = [_classes(evaluation, order), _curves(evaluation), _confusions(evaluation, gallery, order)]
    about = f"{len(evaluation.labels)} classes, any number a row"
    return Story(
        "classes",
        about,
        lead,
        _tiles(evaluation),
        [*sections, _calibration(evaluation), _mistakes(evaluation, gallery)],
    )


def _tiles(evaluation: SetEvaluation) -> list[Tile]:
    """A tile per metric, the default one first."""
    tiles = []
    for metric in reversed(METRICS):
        interval = evaluation.metrics[metric.name]
        ends = f"{metric.say(interval.low)} to {metric.say(interval.high)}"
        notes = (ends, "0 is best") if metric.lower else (ends,)
        tiles.append(Tile(capital(metric.title), metric.say(interval.value), notes, interval))
    return tiles


def _classes(evaluation: SetEvaluation, order: list[int]) -> Section:
    found = evaluation.classes
    names = ("precision", "recall", "f1", "average_precision")
    per_class: dict[str, dict[str, Any]] = {
        label: {name: float(getattr(found, name)[k]) for name in names}
        | {"threshold": float(evaluation.thresholds[k]), "support": int(found.support[k])}
        for k, label in enumerate(evaluation.labels)
    }
    table = [(evaluation.labels[k], per_class[evaluation.labels[k]]) for k in order]
    html = render("classes.html.jinja", _HERE, classes=table, names=names)
    return Section("classes", "Classes", html, {"per_class": per_class})


def _curves(evaluation: SetEvaluation) -> Section:
    return Section("curves", "Thresholds", render("curves.html.jinja", _HERE, figures=evaluation.plots()))


def _calibration(evaluation: SetEvaluation) -> Section:
    fitted = "The logit of each class has a slope and a shift that were fitted on the validation rows (Platt scaling)."
    return calibration_section(evaluation.calibrated, "questions, one for each class and row", fitted, {})


def _confusions(evaluation: SetEvaluation, gallery: Gallery, order: list[int]) -> Section:
    shown = [evaluation.confusions[k] for k in order]
    mistaken = [one for one in shown if one.false_alarms or one.misses]
    html = render("confusions.html.jinja", _HERE, confusions=mistaken, images=gallery.images)
    return Section("confusions", "Too often, or missed", html)


def _mistakes(evaluation: SetEvaluation, gallery: Gallery) -> Section:
    mistakes = gallery.beside(evaluation.worst[:MISTAKES])
    html = render("mistakes.html.jinja", _HERE, evaluation=evaluation, mistakes=mistakes, images=gallery.images)
    return Section("mistakes", "Worst mistakes", html)


def _weakest_first(evaluation: SetEvaluation) -> list[int]:
    """The classes, weakest first; those without rows say nothing and come last."""
    classes, labels = evaluation.classes, evaluation.labels
    return sorted(range(len(labels)), key=lambda k: (classes.support[k] == 0, classes.f1[k], labels[k]))
