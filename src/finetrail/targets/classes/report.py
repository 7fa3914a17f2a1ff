"""The test report of a classifier: how good the chosen model is, where it fails, and where it comes from."""

import math

import numpy as np

from finetrail.evaluation.report.figures import (
    COUNTS_UP_TO,
    FEW_ROWS,
    MOST_CLASSES,
    confusion_figure,
    reliability_figure,
)
from finetrail.evaluation.report.page import Report, fill
from finetrail.targets.classes.evaluation import Evaluation
from finetrail.targets.classes.mistakes import Answer

CLASSES = 40
"""Classes whose examples are shown, the weakest; more would make a page of many megabytes."""
EXAMPLES = 120
"""About so many examples are shown, 4 to 10 of each class."""


def wanted(evaluation: Evaluation) -> set[str]:
    """The ids of the test rows whose previews the report shows."""
    examples = (row for _, rows in _examples(evaluation) for row in rows)
    return {
        *(mistake.id for mistake in evaluation.mistakes),
        *(row.id for row in examples),
        *(row for confusion in evaluation.confusions for row in confusion.worst),
    }


def render(report: Report[Evaluation]) -> str:
    """Return the report as one HTML document."""
    evaluation = report.evaluation
    labels, classes = evaluation.labels, evaluation.classes
    return fill(
        "report.html.jinja",
        report,
        wanted(evaluation),
        asked="class",
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
        # Texts by the hundred explain nothing; pictures are taken in at a glance.
        examples=_examples(evaluation) if any(one.picture for one in report.previews.values()) else [],
        confusion_figure=confusion_figure(evaluation.confusion, labels),
        reliability_figure=reliability_figure(evaluation.calibration),
        most_classes=MOST_CLASSES,
        counts_up_to=COUNTS_UP_TO,
        few=FEW_ROWS,
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
