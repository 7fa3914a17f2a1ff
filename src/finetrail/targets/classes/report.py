"""The report of a classifier: how good the chosen model is, and where it fails."""

import math
from dataclasses import asdict
from typing import Any

import numpy as np

from finetrail.evaluation.report.gallery import Gallery
from finetrail.evaluation.report.page import MISTAKES, capital
from finetrail.evaluation.report.section import Section, Story, Tile, render
from finetrail.targets.classes import METRICS
from finetrail.targets.classes.evaluation import ClassEvaluation
from finetrail.targets.classes.figures import (
    COUNTS_UP_TO,
    MOST_CLASSES,
    confusion_figure,
    risk_figure,
)
from finetrail.targets.classes.mistakes import Answer
from finetrail.targets.reliability import calibration_section

CLASSES = 40
"""Classes whose examples are shown, the weakest; more would make a page of many megabytes."""
EXAMPLES = 120
"""About so many examples are shown, 4 to 10 of each class."""
_HERE = "finetrail.targets.classes"


def tell(evaluation: ClassEvaluation, gallery: Gallery) -> Story:
    """The story of the report."""
    classes = _table(evaluation)
    lead = render(
        "lead.html.jinja",
        _HERE,
        evaluation=evaluation,
        classes=classes,
        right=int(np.diagonal(evaluation.confusion).sum()),
        majority=float(evaluation.classes.support.max() / evaluation.rows),
    )
    sections = [
        _confusion(evaluation, gallery),
        _classes(evaluation, classes),
        *_examples(evaluation, gallery),
        _calibration(evaluation),
        _abstaining(evaluation),
        _mistakes(evaluation, gallery),
    ]
    return Story("class", f"{len(evaluation.labels)} classes", lead, _tiles(evaluation), sections)


def shown_examples(evaluation: ClassEvaluation) -> list[tuple[int, tuple[Answer, ...]]]:
    """The classes whose examples are shown, weakest first, each with a few of its rows."""
    order = [k for k in _weakest_first(evaluation) if evaluation.examples[k]][:CLASSES]
    each = min(10, max(4, EXAMPLES // max(1, len(order))))
    return [(k, evaluation.examples[k][:each]) for k in order]


def _tiles(evaluation: ClassEvaluation) -> list[Tile]:
    tiles = []
    for metric in METRICS:
        interval = evaluation.metrics[metric.name]
        ends = f"{metric.say(interval.low)} to {metric.say(interval.high)}"
        tiles.append(Tile(capital(metric.title), metric.say(interval.value), (ends,), interval))
    guessing = f"guessing gives {math.log(len(evaluation.labels)):.3f}"
    tiles.append(Tile("Calibration error", f"{evaluation.calibrated.after.ece:.3f}", ("ECE; 0 is best",)))
    return [*tiles, Tile("Loss", f"{evaluation.loss:.3f}", (guessing,))]


def _confusion(evaluation: ClassEvaluation, gallery: Gallery) -> Section:
    html = render(
        "confusion.html.jinja",
        _HERE,
        evaluation=evaluation,
        images=gallery.images,
        confusion_figure=confusion_figure(evaluation.confusion, evaluation.labels),
        most_classes=MOST_CLASSES,
        counts_up_to=COUNTS_UP_TO,
    )
    return Section("confusion", "Confusion", html)


def _classes(evaluation: ClassEvaluation, classes: list[dict[str, Any]]) -> Section:
    found = evaluation.classes
    per_class = {
        label: {
            "precision": float(found.precision[k]),
            "recall": float(found.recall[k]),
            "f1": float(found.f1[k]),
            "support": int(found.support[k]),
        }
        for k, label in enumerate(evaluation.labels)
    }
    return Section("classes", "Classes", render("classes.html.jinja", _HERE, classes=classes), {"per_class": per_class})


def _examples(evaluation: ClassEvaluation, gallery: Gallery) -> list[Section]:
    # Hundreds of texts explain nothing; a reader takes in images at a glance.
    examples = shown_examples(evaluation) if gallery.images else []
    if not examples:
        return []
    html = render("examples.html.jinja", _HERE, evaluation=evaluation, examples=examples, images=gallery.images)
    return [Section("examples", "Examples", html)]


def _calibration(evaluation: ClassEvaluation) -> Section:
    temperature = evaluation.temperature
    fitted = f"Its logits are divided by {temperature:.3g}, a temperature that was fitted on the validation rows."
    return calibration_section(evaluation.calibrated, "rows", fitted, {"temperature": temperature})


def _abstaining(evaluation: ClassEvaluation) -> Section:
    html = render("abstaining.html.jinja", _HERE, evaluation=evaluation, figure=risk_figure(evaluation.curve))
    found: dict[str, Any] = {"area_under_risk_coverage": evaluation.curve.area}
    if evaluation.covered is not None:
        found["label_sets"] = asdict(evaluation.covered)
    if evaluation.selected is not None:
        found["selected"] = asdict(evaluation.selected)
    return Section("abstaining", "Abstaining", html, {"abstaining": found})


def _mistakes(evaluation: ClassEvaluation, gallery: Gallery) -> Section:
    mistakes = gallery.beside(evaluation.worst[:MISTAKES])
    html = render("mistakes.html.jinja", _HERE, evaluation=evaluation, mistakes=mistakes, images=gallery.images)
    return Section("mistakes", "Worst mistakes", html)


def _table(evaluation: ClassEvaluation) -> list[dict[str, Any]]:
    classes = evaluation.classes
    return [
        {
            "label": evaluation.labels[k],
            "support": int(classes.support[k]),
            "values": [float(classes.precision[k]), float(classes.recall[k]), float(classes.f1[k])],
        }
        for k in _weakest_first(evaluation)
    ]


def _weakest_first(evaluation: ClassEvaluation) -> list[int]:
    """The classes, weakest first; those without rows say nothing and come last."""
    classes, labels = evaluation.classes, evaluation.labels
    return sorted(range(len(labels)), key=lambda k: (classes.support[k] == 0, classes.f1[k], labels[k]))
