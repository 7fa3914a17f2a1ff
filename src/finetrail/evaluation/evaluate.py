"""All that is measured on one model's predictions, in one call: what the test stage writes and the report shows."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

import numpy as np

from finetrail.errors import ModelError
from finetrail.evaluation.calibration import Calibration, calibration
from finetrail.evaluation.intervals import Interval, bootstrap
from finetrail.evaluation.metrics import (
    METRICS,
    Ints,
    Logits,
    PerClass,
    confusion_matrix,
    count,
    cross_entropy,
    log_softmax,
    per_class,
)
from finetrail.evaluation.mistakes import Mistake, worst_mistakes


@dataclass(frozen=True)
class Evaluation:
    """One model on one split. `metrics` holds the names of `METRICS`, in that order; `classes` the arrays (K,)."""

    labels: tuple[str, ...]
    rows: int
    loss: float
    metrics: Mapping[str, Interval]
    confidence: float
    resamples: int
    confusion: Ints
    classes: PerClass
    calibration: Calibration
    mistakes: tuple[Mistake, ...]

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
    texts: Sequence[str],
    y_true: Ints,
    logits: Logits,
    labels: Sequence[str],
    *,
    confidence: float,
    resamples: int,
    seed: int,
    worst: int = 50,
) -> Evaluation:
    """Measure one model's answers.

    Args:
        ids, texts: one a row (n); the texts appear with the worst mistakes.
        y_true: actual classes (n,), n > 0.
        logits: (n, K), in the order of `labels`.
        confidence, resamples, seed: of the bootstrap intervals.
        worst: how many of the worst mistakes to keep.

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
    y_pred = logits.argmax(axis=1)
    resampled = bootstrap(y_true, [y_pred], len(labels), resamples=resamples, seed=seed)
    confusion = confusion_matrix(y_true, y_pred, len(labels))
    return Evaluation(
        labels=tuple(labels),
        rows=len(y_true),
        loss=cross_entropy(logits, y_true),
        metrics={name: resampled.interval(name, 0, confidence) for name in METRICS},
        confidence=confidence,
        resamples=resamples,
        confusion=confusion,
        classes=per_class(count(confusion)),
        calibration=calibration(np.exp(log_softmax(logits)), y_true),
        mistakes=worst_mistakes(ids, texts, y_true, logits, labels, limit=worst),
    )
