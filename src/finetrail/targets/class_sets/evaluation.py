"""Everything measured on a multi-label classifier's answers: what stage `test` writes and the report shows."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from finetrail.evaluation.scores.bootstrap import Draws, Interval, intervals
from finetrail.targets.calibration import Calibrated, calibration, yes_or_no
from finetrail.targets.class_sets.codec import SetCodec, probabilities
from finetrail.targets.class_sets.confusions import Answers, Confusion, Mistake, confusions, losses, worst_mistakes
from finetrail.targets.class_sets.judge import SetJudge
from finetrail.targets.class_sets.metrics import PerClass, per_class
from finetrail.targets.class_sets.ranking import Bools, Floats
from finetrail.targets.logits import Logits

if TYPE_CHECKING:
    import pandas as pd
    from markupsafe import Markup

    from finetrail.evaluation.report.gallery import Gallery
    from finetrail.evaluation.report.previews import Preview
    from finetrail.evaluation.report.section import Story

WORST = 50
"""Mistakes that errors.csv lists."""


@dataclass(frozen=True)
class SetEvaluation:
    """See `finetrail.targets.judge.Evaluation`.

    Attributes:
        thresholds: of each class (K,).
        exact: rows that are given exactly their own set.
        empty: rows that have none of the classes.
        worst: the rows that were given a wrong set, the highest loss first.
        confusions: for each class, the rows that got it wrongly and those that missed it.
        calibrated: of the question of each row and class whether the row has it.
    """

    labels: tuple[str, ...]
    thresholds: Floats
    rows: int
    loss: float
    metrics: Mapping[str, Interval]
    answers: Answers
    classes: PerClass
    exact: int
    empty: int
    worst: tuple[Mistake, ...]
    confusions: tuple[Confusion, ...]
    calibrated: Calibrated

    @property
    def more(self) -> Mapping[str, float]:
        return {"loss": self.loss}

    @property
    def wanted(self) -> set[str]:
        examples = (row for one in self.confusions for row in (*one.worst_false_alarms, *one.worst_misses))
        return {*(mistake.id for mistake in self.worst), *examples}

    def story(self, gallery: "Gallery") -> "Story":
        from finetrail.targets.class_sets.report import tell

        return tell(self, gallery)

    def mistakes(self, previews: "Mapping[str, Preview]") -> "pd.DataFrame":
        import pandas as pd

        return pd.DataFrame(
            [
                {
                    "id": one.id,
                    "content": previews[one.id].text,
                    **{name: "; ".join(getattr(one, name)) for name in ("actual", "predicted", "missing")},
                    "superfluous": "; ".join(one.superfluous),
                    "loss": one.loss,
                }
                for one in self.worst
            ],
            columns=["id", "content", "actual", "predicted", "missing", "superfluous", "loss"],
        )

    def plots(self) -> "Mapping[str, Markup]":
        from finetrail.targets.class_sets.figures import f1_figure, precision_recall_figure

        drawn = {
            "f1": f1_figure(self.classes, self.thresholds, self.labels),
            "precision_recall": precision_recall_figure(
                self.answers.actual, self.answers.probabilities, self.classes, self.labels
            ),
        }
        return {name: figure for name, figure in drawn.items() if figure is not None}

    def logged(self) -> Mapping[str, float]:
        return {"test_loss": self.loss, "test_ece": self.calibrated.after.ece, "test_nll": self.calibrated.after.nll}


def evaluate(judge: SetJudge, rows: "pd.DataFrame", logits: Logits, draws: Draws) -> SetEvaluation:
    """Measure one model's answers.

    Args:
        rows: id and label of each, n > 0.
        logits: (n, K), all finite.
    """
    codec, labels = judge.codec, rows["label"].tolist()
    certain = probabilities(logits)
    answers = Answers(rows["id"].tolist(), codec.members(labels), codec.predicted(logits), certain, codec.labels)
    return SetEvaluation(
        labels=codec.labels,
        thresholds=np.array(codec.thresholds),
        rows=len(labels),
        loss=float(losses(answers.actual, certain).mean()),
        metrics=intervals(judge, labels, logits, draws),
        answers=answers,
        classes=per_class(answers.actual, answers.predicted, certain),
        exact=int(judge.right(labels, logits).sum()),
        empty=int((~answers.actual.any(axis=1)).sum()),
        worst=worst_mistakes(answers, limit=WORST),
        confusions=confusions(answers),
        calibrated=_calibrated(codec, logits, answers.actual),
    )


def _calibrated(codec: SetCodec, logits: Logits, actual: Bools) -> Calibrated:
    y_true = actual.reshape(-1).astype(np.int64)
    each = (logits.astype(np.float64), codec.scaled(logits))
    before, after = (calibration(yes_or_no(one.reshape(-1)), y_true) for one in each)
    return Calibrated(before, after)
