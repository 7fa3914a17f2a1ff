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
from finetrail.evaluation.mistakes import worst_confusions
from finetrail.evaluation.selection import METRIC_NAMES, Choice

EXCERPT = 320
"""Characters of a text that are shown with a mistake."""
MISTAKES = 20
"""Mistakes that are shown; errors.csv lists more."""


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
    """All that the report shows. `model` says in a few words what was fine-tuned; `lineage` is shown as it is given."""

    project: str
    task: str
    model: str
    evaluation: Evaluation
    choice: Choice
    panels: Sequence[Panel]
    split: SplitFacts
    lineage: Mapping[str, str]


def render(report: Report) -> str:
    """Return the report as one HTML document."""
    evaluation, choice = report.evaluation, report.choice
    labels, classes = evaluation.labels, evaluation.classes
    # The weakest first, for that is what a reader looks for; classes without rows have nothing to say and come last.
    order = sorted(range(len(labels)), key=lambda k: (classes.support[k] == 0, classes.f1[k], labels[k]))
    ends = [(one.low, one.high) for one in choice.ranking]
    curves = [figure for figure in (curves_figure(panel) for panel in report.panels) if figure is not None]
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
                for k in order
            ],
            mistakes=evaluation.mistakes[:MISTAKES],
            confusions=worst_confusions(evaluation.confusion, labels),
            confusion_figure=confusion_figure(evaluation.confusion, labels),
            reliability_figure=reliability_figure(evaluation.calibration),
            curves=curves,
            most_classes=MOST_CLASSES,
            counts_up_to=COUNTS_UP_TO,
            few=FEW_ROWS,
            scale=(min(low for low, _ in ends), max(high for _, high in ends)),
        )
    )


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
        excerpt=_excerpt,
    )
    return environment


def _code(text: str) -> Markup:
    """Escape, and set what stands between backticks as code."""
    return Markup(re.sub(r"`([^`]*)`", r"<code>\1</code>", str(escape(text))))  # noqa: S704 - escaped before


def _excerpt(text: str) -> str:
    """Return the start of a text on one line, without control characters."""
    line = " ".join(re.sub(r"[\x00-\x1f\x7f-\x9f]", " ", text).split())
    return line if len(line) <= EXCERPT else line[:EXCERPT].rstrip() + "…"
