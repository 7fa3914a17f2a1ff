"""Everything measured on a classifier's answers, in one call: what stage `test` writes and the report shows."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from finetrail.evaluation.scores.bootstrap import Draws, Floats, Interval, Ints, intervals
from finetrail.targets.calibration import Calibrated, calibration
from finetrail.targets.classes.codec import ClassCodec
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
from finetrail.targets.classes.selective import RiskCoverage, risk_coverage
from finetrail.targets.conformal import Promise
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
        covered: how often label sets hold the actual class; None where answers have none.
        selected: how often answers are wrong where the model does not abstain; None where it never does.
    """

    labels: tuple[str, ...]
    rows: int
    loss: float
    metrics: Mapping[str, Interval]
    confusion: Ints
    classes: PerClass
    temperature: float
    calibrated: Calibrated
    curve: RiskCoverage
    covered: Promise | None
    selected: Promise | None
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
        from finetrail.targets.classes.figures import confusion_figure, risk_figure
        from finetrail.targets.reliability import reliability_figure

        return {
            "confusion": confusion_figure(self.confusion, self.labels),
            "reliability": reliability_figure(self.calibrated.after),
            "risk": risk_figure(self.curve),
        }

    def logged(self) -> Mapping[str, float]:
        found = {"test_loss": self.loss, "test_ece": self.calibrated.after.ece, "test_nll": self.calibrated.after.nll}
        if self.covered is not None:
            found |= {"test_coverage": self.covered.share, "test_label_set_size": self.covered.size}
        if self.selected is not None:
            found |= {"test_selected_error": self.selected.share, "test_answered": self.selected.size}
        return found


def evaluate(judge: ClassJudge, rows: "pd.DataFrame", logits: Logits, draws: Draws) -> ClassEvaluation:
    """Measure one model's answers.

    Args:
        rows: id and label of each, n > 0.
        logits: (n, K), all finite.
    """
    labels, names = judge.codec.labels, rows["label"].tolist()
    y_true = judge.codec.numbers(names)
    # Computed once: at 50,000 rows of 1,000 classes it is 400 MB.
    log_probabilities = judge.codec.log_probabilities(logits)
    uncalibrated = calibration(log_softmax(logits), y_true)
    answers = Answers(rows["id"].tolist(), y_true, logits.argmax(axis=1), log_probabilities, labels)
    confusion = confusion_matrix(y_true, answers.y_pred, len(labels))
    return ClassEvaluation(
        labels=labels,
        rows=len(y_true),
        loss=uncalibrated.nll,
        metrics=intervals(judge, names, logits, draws),
        confusion=confusion,
        classes=per_class(count(confusion)),
        temperature=judge.codec.temperature,
        calibrated=Calibrated(uncalibrated, calibration(log_probabilities, y_true)),
        **_selective(judge.codec, log_probabilities, y_true, answers.y_pred == y_true),
        worst=worst_mistakes(answers, limit=WORST),
        confusions=worst_confusions(confusion, answers),
        examples=first_of_each_class(answers, limit=EXAMPLES),
    )


def _selective(codec: ClassCodec, log_probabilities: Floats, y_true: Ints, right: NDArray[np.bool_]) -> dict[str, Any]:
    """What abstaining and label sets are worth on these rows."""
    probabilities = np.exp(log_probabilities)
    confidence = probabilities.max(axis=1)
    covered = selected = None
    if codec.coverage is not None:
        sets = codec.label_sets(probabilities)
        share = float(sets[np.arange(len(y_true)), y_true].mean())
        covered = Promise(codec.coverage, share, float(sets.sum(axis=1).mean()))
    if codec.error_rate is not None and codec.least_confident is not None:
        answered = confidence >= codec.least_confident
        wrong = float((~right[answered]).mean()) if answered.any() else 0.0
        selected = Promise(codec.error_rate, wrong, float(answered.mean()))
    return {"curve": risk_coverage(confidence, right), "covered": covered, "selected": selected}
