"""Metrics of sets of classes on numpy alone, vectorised over resamples.

A set is a row of booleans (K,), one a class. The conventions are those of scikit-learn with `zero_division=0`: a class
that was never predicted has precision 0, one without rows has recall 0, and macro F1 runs over *all* classes.
Two exceptions:

- A row whose actual and predicted sets are both empty counts 1 in `samples_f1`, not 0: the answer is right, and
  `subset_accuracy` counts it as right too.
- The mean average precision runs over the classes with at least one row; the ranking of no rows has no value. Where no
  class has a row it is 0.
"""

from dataclasses import dataclass

import numpy as np

from finetrail.targets.class_sets.ranking import Bools, Floats, Ints, Probabilities, Ranking, average_precision, rank

NAMES = ("subset_accuracy", "hamming_loss", "samples_f1", "micro_f1", "macro_f1", "mean_average_precision")
"""In the order in which they are shown. All are from 0 to 1, and higher is better for all but `hamming_loss`."""

# Rows times resamples taken at once: 256k float64 are 2 MB, and a handful of temporaries still fits a core's cache.
BLOCK = 1 << 18


@dataclass(frozen=True)
class PerClass:
    """The metrics of each class, all (K,); `support` is its number of rows; without rows all others are 0."""

    precision: Floats
    recall: Floats
    f1: Floats
    average_precision: Floats
    support: Ints


def scores(actual: Bools, predicted: Bools, probabilities: Probabilities) -> dict[str, float]:
    """Every metric of `NAMES` for one set of answers, (n, K) each, n > 0."""
    once = np.ones((1, len(actual)), dtype=np.int64)
    return {name: float(values[0]) for name, values in weighted_scores(once, actual, predicted, probabilities).items()}


def weighted_scores(
    counts: Ints, actual: Bools, predicted: Bools, probabilities: Probabilities, *, block: int = BLOCK
) -> dict[str, Floats]:
    """Every metric of `NAMES` for R resamples at once: (R,) each.

    Args:
        counts: how often each row was drawn (R, n); every resample has at least one row.
        actual, predicted: which classes each row has, and which the model says it has (n, K).
        probabilities: of each class (n, K), finite. Only their order matters.
        block: rows times resamples taken at once.
    """
    if not actual.shape == predicted.shape == probabilities.shape or counts.shape[1] != len(actual):
        raise ValueError(f"shapes {counts.shape}, {actual.shape}, {predicted.shape}, {probabilities.shape} do not fit")
    rankings = [rank(actual[:, k], probabilities[:, k]) for k in range(actual.shape[1])]
    found = {name: np.empty(len(counts)) for name in NAMES}
    size = max(1, block // max(1, len(actual)))
    for start in range(0, len(counts), size):
        weights = np.ascontiguousarray(counts[start : start + size].T, dtype=np.float64)  # (n, r)
        values = _of_rows(weights, actual, predicted) | _of_classes(weights, actual, predicted)
        values["mean_average_precision"] = _mean_average_precision(weights, actual, rankings)
        for name, of_block in values.items():
            found[name][start : start + size] = of_block
    return found


def per_class(actual: Bools, predicted: Bools, probabilities: Probabilities) -> PerClass:
    """Precision, recall, F1, average precision and support of each class, from (n, K) each."""
    hits, support, said = (actual & predicted).sum(axis=0), actual.sum(axis=0), predicted.sum(axis=0)
    once = np.ones((len(actual), 1))
    ranked = [average_precision(rank(actual[:, k], probabilities[:, k]), once)[0] for k in range(actual.shape[1])]
    return PerClass(
        precision=_ratio(hits, said),
        recall=_ratio(hits, support),
        f1=_ratio(2 * hits, support + said),
        average_precision=np.array(ranked, dtype=np.float64),
        support=support.astype(np.int64),
    )


def _of_rows(weights: Floats, actual: Bools, predicted: Bools) -> dict[str, Floats]:
    """The metrics that are means over the rows, from weights (n, r)."""
    wrong = (actual != predicted).sum(axis=1)
    sizes = actual.sum(axis=1) + predicted.sum(axis=1)
    f1 = _ratio(2 * (actual & predicted).sum(axis=1), sizes)
    f1[sizes == 0] = 1.0  # nothing to find, and nothing said
    statistics = np.stack([wrong == 0, wrong / actual.shape[1], f1])
    subset, hamming, samples = statistics @ weights / weights.sum(axis=0)
    return {"subset_accuracy": subset, "hamming_loss": hamming, "samples_f1": samples}


def _of_classes(weights: Floats, actual: Bools, predicted: Bools) -> dict[str, Floats]:
    """The metrics that follow from counts per class, from weights (n, r)."""
    hits = (actual & predicted).T.astype(np.float64) @ weights  # (K, r)
    sizes = (actual.T.astype(np.float64) + predicted.T) @ weights
    return {
        "micro_f1": _ratio(2 * hits.sum(axis=0), sizes.sum(axis=0)),
        "macro_f1": _ratio(2 * hits, sizes).mean(axis=0),
    }


def _mean_average_precision(weights: Floats, actual: Bools, rankings: list[Ranking]) -> Floats:
    """The mean (r,) over the classes that a resample has a row of, from weights (n, r)."""
    total, classes = np.zeros(weights.shape[1]), np.zeros(weights.shape[1])
    for ranking in rankings:
        total += average_precision(ranking, weights)
        classes += weights[ranking.positives].any(axis=0)
    return _ratio(total, classes)


def _ratio(numerator: Floats | Ints, denominator: Floats | Ints) -> Floats:
    """Divide; 0 where the denominator is 0."""
    result = np.zeros(np.shape(numerator), dtype=np.float64)
    np.divide(numerator, denominator, out=result, where=np.asarray(denominator) > 0)
    return result
