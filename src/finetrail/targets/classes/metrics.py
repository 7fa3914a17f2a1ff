"""Classification metrics from integer labels, on numpy alone: importing torchmetrics costs each stage 9 seconds.

Everything but the loss follows from three counts a class, so `Counts` may carry leading axes (one a resample)
and every metric is computed for all of them at once.

Conventions, the ones of scikit-learn with `labels=range(classes), zero_division=0`:
a class that was never predicted has precision 0, a class without rows has recall 0, and the macro averages run
over *all* classes, those without rows or predictions included.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from finetrail.evaluation.scores.bootstrap import Floats, Ints

Logits = NDArray[np.floating[Any]]
"""Scores as a model gives them, of any precision."""


@dataclass(frozen=True)
class Counts:
    """What the metrics are made of; each array is (..., K) for K classes."""

    hits: Ints
    actual: Ints
    predicted: Ints


@dataclass(frozen=True)
class PerClass:
    """The metrics of each class, all (..., K)."""

    precision: Floats
    recall: Floats
    f1: Floats
    support: Ints


def confusion_matrix(y_true: Ints, y_pred: Ints, classes: int) -> Ints:
    """Count rows by actual class (first axis) and predicted class (second axis): (n,), (n,) -> (K, K)."""
    cells = _labels(y_true, classes) * classes + _labels(y_pred, classes)
    return np.bincount(cells, minlength=classes * classes).reshape(classes, classes).astype(np.int64)


def count(confusion: Ints) -> Counts:
    """Reduce confusion matrices (..., K, K) to the counts (..., K) that the metrics need."""
    return Counts(
        hits=np.diagonal(confusion, axis1=-2, axis2=-1), actual=confusion.sum(axis=-1), predicted=confusion.sum(axis=-2)
    )


def per_class(counts: Counts) -> PerClass:
    """Precision, recall, F1 and support of each class."""
    return PerClass(
        precision=_ratio(counts.hits, counts.predicted),
        recall=_ratio(counts.hits, counts.actual),
        f1=_ratio(2 * counts.hits, counts.actual + counts.predicted),
        support=counts.actual,
    )


def accuracy(counts: Counts) -> Floats:
    """The share of rows whose predicted class is the actual one: (...,)."""
    return _ratio(counts.hits.sum(axis=-1), counts.actual.sum(axis=-1))


def _macro(name: str) -> Callable[[Counts], Floats]:
    def mean_over_classes(counts: Counts) -> Floats:
        values: Floats = getattr(per_class(counts), name).mean(axis=-1)
        return values

    return mean_over_classes


FORMULAS: Mapping[str, Callable[[Counts], Floats]] = {
    "accuracy": accuracy,
    "macro_precision": _macro("precision"),
    "macro_recall": _macro("recall"),
    "macro_f1": _macro("f1"),
}
"""Every metric that a candidate can be selected by and that gets an interval, in the order in which it is shown."""


def scores(y_true: Ints, y_pred: Ints, classes: int) -> dict[str, float]:
    """Every metric of `FORMULAS` for one set of predictions (n,)."""
    counts = count(confusion_matrix(y_true, y_pred, classes))
    return {name: float(metric(counts)) for name, metric in FORMULAS.items()}


def totals(drawn: Ints, classes_of: Ints, classes: int) -> Ints:
    """Add up how often rows were drawn by their class: (r, D), (D,) -> (r, K)."""
    found = np.zeros((len(drawn), classes), dtype=np.int64)
    order = np.argsort(classes_of, kind="stable")
    present, starts = np.unique(classes_of[order], return_index=True)
    if len(present):
        found[:, present] = np.add.reduceat(drawn[:, order], starts, axis=1)
    return found


def log_softmax(logits: Logits) -> Floats:
    """Logarithms of the class probabilities: (n, K) -> (n, K), computed in float64."""
    wide = np.asarray(logits, dtype=np.float64)
    shifted = wide - wide.max(axis=-1, keepdims=True)
    result: Floats = shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))
    return result


def cross_entropy(logits: Logits, y_true: Ints) -> float:
    """Mean negative log-likelihood, in nats, of the actual classes (n,) under the logits (n, K)."""
    log_probabilities = log_softmax(logits)
    return float(-log_probabilities[np.arange(len(y_true)), _labels(y_true, log_probabilities.shape[1])].mean())


def _ratio(numerator: Ints, denominator: Ints) -> Floats:
    """Divide; 0 where the denominator is 0."""
    result = np.zeros(np.shape(numerator), dtype=np.float64)
    np.divide(numerator, denominator, out=result, where=np.asarray(denominator) > 0)
    return result


def _labels(values: Ints, classes: int) -> Ints:
    """Widen to int64; refuse numbers that are not classes: bincount would silently count them in another cell."""
    wide = np.asarray(values, dtype=np.int64)
    if wide.size and not 0 <= int(wide.min()) <= int(wide.max()) < classes:
        raise ValueError(
            f"labels span {wide.min()} to {wide.max()}, but there are {classes} classes (0 to {classes - 1})"
        )
    return wide
