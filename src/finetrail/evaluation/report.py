"""The test report: one HTML file that shows how good the chosen model is, where it fails, and where it comes from.

Self-contained: style and pictures are inline, nothing is fetched and no script runs, which the page's own content
security policy enforces. Equal input gives equal bytes. All text is escaped, for a data set may hold anything.
"""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

import numpy as np
from jinja2 import Environment, FunctionLoader, StrictUndefined
from markupsafe import Markup, escape

from finetrail.evaluation.drawing import number
from finetrail.evaluation.evaluate import Evaluation
from finetrail.evaluation.figures import (
    COUNTS_UP_TO,
    FEW_ROWS,
    MOST_CLASSES,
    Panel,
    confusion_figure,
    curves_figure,
    reliability_figure,
)
from finetrail.evaluation.gallery import Shown, excerpt, show
from finetrail.evaluation.mistakes import Answer
from finetrail.evaluation.selection import METRIC_NAMES, Choice
from finetrail.previews import Preview, Seen

MISTAKES = 24
"""Mistakes that are shown; errors.csv lists more."""
CLASSES = 40
"""Classes whose examples are shown, the weakest; more would make a page of many megabytes."""
EXAMPLES = 120
"""About so many examples are shown, 4 to 10 of each class."""


@dataclass(frozen=True)
class SplitFacts:
    """How the data was divided, for the section on data."""

    method: str
    near: str
    rows: Mapping[str, int]
    """Rows by what became of them: ingested, quarantined_by_validation, quarantined_by_split, train, val, test."""
    sha256: Mapping[str, str]
    exact_groups: int
    near_pairs: int
    removed: int

    @staticmethod
    def from_json(value: Mapping[str, Any]) -> "SplitFacts":
        """Take the facts from the content of split.json."""
        near, leakage = value["near"], value["leakage"]
        return SplitFacts(
            method=value["method"],
            near=", ".join(
                [
                    str(near["method"]),
                    *(f"{key.replace('_', ' ')} {near[key]}" for key in sorted(near) if key != "method"),
                ]
            ),
            rows=dict(value["rows"]),
            sha256=dict(value["sha256"]),
            exact_groups=int(leakage["exact_groups"]),
            near_pairs=int(leakage["near_pairs"]),
            removed=len(leakage["removed"]),
        )


@dataclass(frozen=True)
class Report:
    """All that the report shows.

    Attributes:
        model: says in a few words what was fine-tuned.
        previews: what rows hold, by id; those in `wanted` are shown, and what is missing is left out.
        seen: training examples as the model sees them.
        lineage: shown as it is given.
    """

    project: str
    task: str
    model: str
    evaluation: Evaluation
    previews: Mapping[str, Preview]
    seen: Sequence[Seen]
    choice: Choice
    panels: Sequence[Panel]
    split: SplitFacts
    lineage: Mapping[str, str]


def wanted(evaluation: Evaluation) -> set[str]:
    """The ids of the test rows whose previews the report shows."""
    examples = (row for _, rows in _examples(evaluation) for row in rows)
    return {
        *(mistake.id for mistake in evaluation.mistakes),
        *(row.id for row in examples),
        *(row for confusion in evaluation.confusions for row in confusion.worst),
    }


def render(report: Report) -> str:
    """Return the report as one HTML document."""
    evaluation, choice = report.evaluation, report.choice
    labels, classes = evaluation.labels, evaluation.classes
    ends = [(one.low, one.high) for one in choice.ranking]
    curves = [figure for figure in (curves_figure(panel) for panel in report.panels) if figure is not None]
    shown = {row: show(report.previews[row]) for row in sorted(wanted(evaluation) & set(report.previews))}
    pictures = {row: one for row, one in shown.items() if one.address}
    return (
        _environment()
        .get_template("report.html.jinja")
        .render(
            report=report,
            evaluation=evaluation,
            choice=choice,
            validation=choice.winner.value,
            tested=evaluation.metrics[choice.metric],
            names=METRIC_NAMES,
            right=int(np.diagonal(evaluation.confusion).sum()),
            guessing=math.log(len(labels)),
            majority=float(classes.support.max() / evaluation.rows),
            classes=[
                {
                    "label": labels[k],
                    "support": int(classes.support[k]),
                    "values": [float(classes.precision[k]), float(classes.recall[k]), float(classes.f1[k])],
                }
                for k in _weakest_first(evaluation)
            ],
            mistakes=[(one, shown.get(one.id, Shown())) for one in evaluation.mistakes[:MISTAKES]],
            pictures=pictures,
            # Texts by the hundred explain nothing; pictures are taken in at a glance.
            examples=_examples(evaluation) if pictures else [],
            seen=[(one.label, _seen(one.preview)) for one in report.seen],
            confusion_figure=confusion_figure(evaluation.confusion, labels),
            reliability_figure=reliability_figure(evaluation.calibration),
            curves=curves,
            most_classes=MOST_CLASSES,
            counts_up_to=COUNTS_UP_TO,
            few=FEW_ROWS,
            scale=(min(low for low, _ in ends), max(high for _, high in ends)),
        )
    )


def _weakest_first(evaluation: Evaluation) -> list[int]:
    """The classes as a reader looks for them; those without rows have nothing to say and come last."""
    classes, labels = evaluation.classes, evaluation.labels
    return sorted(range(len(labels)), key=lambda k: (classes.support[k] == 0, classes.f1[k], labels[k]))


def _examples(evaluation: Evaluation) -> list[tuple[int, tuple[Answer, ...]]]:
    """The classes whose examples are shown, weakest first, each with a few of its rows."""
    order = [k for k in _weakest_first(evaluation) if evaluation.examples[k]][:CLASSES]
    each = min(10, max(4, EXAMPLES // max(1, len(order))))
    return [(k, evaluation.examples[k][:each]) for k in order]


def _seen(preview: Preview) -> Shown:
    """The end of a text is shown too, for there it was cut."""
    return show(preview) if preview.picture else Shown(text=excerpt(preview.text, end=120))


def _environment() -> Environment:
    here = files("finetrail.evaluation")
    environment = Environment(
        autoescape=True,
        loader=FunctionLoader(lambda name: here.joinpath(name).read_text(encoding="utf-8")),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters.update(
        amount="{:,}".format,
        score="{:.3f}".format,
        percent=lambda share: f"{100 * share:.1f}%",
        width=lambda share: f"{number(100 * min(1.0, max(0.0, share)))}%",
        within=lambda value, scale: (value - scale[0]) / ((scale[1] - scale[0]) or 1.0),
        code=_code,
    )
    return environment


def _code(text: str) -> Markup:
    """Escape, and set what stands between backticks as code."""
    return Markup(re.sub(r"`([^`]*)`", r"<code>\1</code>", str(escape(text))))  # noqa: S704 - escaped before
