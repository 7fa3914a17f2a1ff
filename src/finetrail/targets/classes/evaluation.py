"""All that is measured on one model's predictions, in one call: what the test stage writes and the report shows."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

import numpy as np

from finetrail.errors import ModelError
from finetrail.evaluation.bootstrap import Interval, bootstrap
from finetrail.targets.classes.calibration import Calibration, calibration
from finetrail.targets.classes.metrics import (
    METRICS,
    Ints,
    Logits,
    PerClass,
    confusion_matrix,
    count,
    log_softmax,
    per_class,
)
from finetrail.targets.classes.mistakes import (
    Answer,
    Answers,
    Confusion,
    first_of_each_class,
    worst_confusions,
    worst_mistakes,
)


@dataclass(frozen=True)
class Evaluation:
    """One model on one split. `metrics` holds the names of `METRICS`, in that order; `classes` the arrays (K,).

    Attributes:
        examples: for each class the answers to a few of its rows, right or wrong.
    """

    labels: tuple[str, ...]
    rows: int
    loss: float
    metrics: Mapping[str, Interval]
    confidence: float
    resamples: int
    confusion: Ints
    classes: PerClass
    calibration: Calibration
    mistakes: tuple[Answer, ...]
    confusions: tuple[Confusion, ...]
    examples: tuple[tuple[Answer, ...], ...]

    def as_json(self, split: str) -> dict[str, object]:
        """The content of metrics.json: nested, so that `dvc metrics` shows `test.macro_f1` and so on."""
        return {
            split: {name: interval.value for name, interval in self.metrics.items()} | {"loss": self.loss},
            "intervals": {
                "confidence": self.confidence,
                "resamples": self.resamples,
                **{name: {"low": interval.low, "high": interval.high} for name, interval in self.metrics.items()},
            },
            "per_class": {
                label: {
                    "precision": float(self.classes.precision[k]),
                    "recall": float(self.classes.recall[k]),
                    "f1": float(self.classes.f1[k]),
                    "support": int(self.classes.support[k]),
                }
                for k, label in enumerate(self.labels)
            },
            "calibration": asdict(self.calibration) | {"bins": [asdict(one) for one in self.calibration.bins]},
        }


def evaluate(
    ids: Sequence[str],
    y_true: Ints,
    logits: Logits,
    labels: Sequence[str],
    *,
    confidence: float,
    resamples: int,
    seed: int,
    worst: int = 50,
    examples: int = 10,
) -> Evaluation:
    """Measure one model's answers.

    Args:
        ids: one a row (n).
        y_true: actual classes (n,), n > 0.
        logits: (n, K), in the order of `labels`.
        confidence, resamples, seed: of the bootstrap intervals.
        worst: how many of the worst mistakes to keep.
        examples: how many rows of each class to keep.

    Raises:
        ModelError: a logit is not finite.
    """
    y_true = np.asarray(y_true, dtype=np.int64)
    broken = int((~np.isfinite(logits)).any(axis=1).sum())
    if broken:
        raise ModelError(
            f"the model answers {broken} of {len(y_true)} rows with NaN or infinity, but every logit must be a finite "
            "number: train it again with a lower learning rate or in fp32"
        )
    # Computed once: at 50,000 rows of 1,000 classes it is 400 MB.
    log_probabilities = log_softmax(logits)
    answers = Answers(ids, y_true, logits.argmax(axis=1), log_probabilities, labels)
    resampled = bootstrap(y_true, [answers.y_pred], len(labels), resamples=resamples, seed=seed)
    confusion = confusion_matrix(y_true, answers.y_pred, len(labels))
    return Evaluation(
        labels=tuple(labels),
        rows=len(y_true),
        loss=float(-log_probabilities[np.arange(len(y_true)), y_true].mean()),
        metrics={name: resampled.interval(name, 0, confidence) for name in METRICS},
        confidence=confidence,
        resamples=resamples,
        confusion=confusion,
        classes=per_class(count(confusion)),
        calibration=calibration(np.exp(log_probabilities), y_true),
        mistakes=worst_mistakes(answers, limit=worst),
        confusions=worst_confusions(confusion, answers),
        examples=first_of_each_class(answers, limit=examples),
    )
