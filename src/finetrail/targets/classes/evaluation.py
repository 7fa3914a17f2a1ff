"""Everything measured on a classifier's answers, in one call: what stage `test` writes and the report shows."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import numpy as np

from finetrail.evaluation.scores.bootstrap import Draws, Interval, Ints, intervals
from finetrail.targets.classes.calibration import Calibration, calibration
from finetrail.targets.classes.judge import ClassJudge
from finetrail.targets.classes.metrics import PerClass, confusion_matrix, count, log_softmax, per_class
from finetrail.targets.classes.mistakes import (
    Answer,
    Answers,
    Confusion,
    first_of_each_class,
    worst_confusions,
    worst_mistakes,
)
from finetrail.targets.logits import Logits

if TYPE_CHECKING:
    import pandas as pd
    from markupsafe import Markup

    from finetrail.evaluation.report.gallery import Gallery
    from finetrail.evaluation.report.previews import Preview
    from finetrail.evaluation.report.section import Story

WORST = 50
"""Mistakes that errors.csv lists."""
EXAMPLES = 10
"""Rows of each class that are kept for the report."""


@dataclass(frozen=True)
class ClassEvaluation:
    """See `finetrail.targets.judge.Evaluation`; `classes` holds arrays (K,).

    Attributes:
        examples: for each class the answers to a few of its rows, right or wrong.
    """

    labels: tuple[str, ...]
    rows: int
    loss: float
    metrics: Mapping[str, Interval]
    confusion: Ints
    classes: PerClass
    calibration: Calibration
    worst: tuple[Answer, ...]
    confusions: tuple[Confusion, ...]
    examples: tuple[tuple[Answer, ...], ...]

    @property
    def more(self) -> Mapping[str, float]:
        return {"loss": self.loss}

    @property
    def wanted(self) -> set[str]:
        from finetrail.targets.classes.report import shown_examples

        examples = (row for _, rows in shown_examples(self) for row in rows)
        return {
            *(mistake.id for mistake in self.worst),
            *(row.id for row in examples),
            *(row for confusion in self.confusions for row in confusion.worst),
        }

    def story(self, gallery: "Gallery") -> "Story":
        from finetrail.targets.classes.report import tell

        return tell(self, gallery)

    def mistakes(self, previews: "Mapping[str, Preview]") -> "pd.DataFrame":
        import pandas as pd

        return pd.DataFrame(
            [asdict(mistake) | {"content": previews[mistake.id].text} for mistake in self.worst],
            columns=["id", "content", "actual", "predicted", "confidence", "given_to_actual"],
        )

    def plots(self) -> "Mapping[str, Markup]":
        from finetrail.targets.classes.figures import confusion_figure, reliability_figure

        return {
            "confusion": confusion_figure(self.confusion, self.labels),
            "reliability": reliability_figure(self.calibration),
        }

    def logged(self) -> Mapping[str, float]:
        return {"test_loss": self.loss, "test_ece": self.calibration.ece}


def evaluate(judge: ClassJudge, rows: "pd.DataFrame", logits: Logits, draws: Draws) -> ClassEvaluation:
    """Measure one model's answers.

    Args:
        rows: id and label of each, n > 0.
        logits: (n, K), all finite.
    """
    labels, names = judge.codec.labels, rows["label"].tolist()
    y_true = judge.codec.numbers(names)
    # Computed once: at 50,000 rows of 1,000 classes it is 400 MB.
    log_probabilities = log_softmax(logits)
    answers = Answers(rows["id"].tolist(), y_true, logits.argmax(axis=1), log_probabilities, labels)
    confusion = confusion_matrix(y_true, answers.y_pred, len(labels))
    return ClassEvaluation(
        labels=labels,
        rows=len(y_true),
        loss=float(-log_probabilities[np.arange(len(y_true)), y_true].mean()),
        metrics=intervals(judge, names, logits, draws),
        confusion=confusion,
        classes=per_class(count(confusion)),
        calibration=calibration(np.exp(log_probabilities), y_true),
        worst=worst_mistakes(answers, limit=WORST),
        confusions=worst_confusions(confusion, answers),
        examples=first_of_each_class(answers, limit=EXAMPLES),
    )
