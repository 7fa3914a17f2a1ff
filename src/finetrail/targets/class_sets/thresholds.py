"""The probability from which a row gets a class: one threshold per class, with the best F1 on the validation rows.

For a rare class F1 is best far below 0.5, and class weights move its probabilities, so the best threshold must
be measured (Lipton, Elkan & Naryanaswamy, Optimal Thresholding of Classifiers to Maximize F1 Measure, 2014).
"""

import numpy as np

from finetrail.targets.class_sets.ranking import Bools, Floats, Probabilities

DEFAULT = 0.5
"""The threshold of a class for which none can be fitted."""
MIN_POSITIVES = 10
"""The fewest validation rows of a class for which its threshold is fitted.

Measured on new rows, for classes on 2% to 30% of the rows: a threshold fitted on 10 rows of the class costs at most
0.04 of F1 where 0.5 was right, and gains up to 0.3 where it was not. Fitted on 3 rows, it costs up to 0.05, in half of
the trials.
"""


def fit_thresholds(actual: Bools, probabilities: Probabilities) -> Floats:
    """Fit the threshold (K,) of each class on its own, exactly: no other one has a better F1 on these rows.

    Candidates lie midway between neighbouring probabilities, 0 among them. Where several have the best F1 it is
    `DEFAULT` if that is as good, else the one nearest to it, or the lower of two. It is also `DEFAULT` where
    fewer than `MIN_POSITIVES` rows have the class, or all rows have the same probability: nothing tells them apart.

    Args:
        actual: which classes each row has (n, K).
        probabilities: of each class (n, K), 0 to 1.
    """
    thresholds = [_fit(actual[:, k], probabilities[:, k].astype(np.float64)) for k in range(actual.shape[1])]
    return np.array(thresholds, dtype=np.float64)


def predict(probabilities: Probabilities, thresholds: Floats) -> Bools:
    """The classes (n, K) that rows get: those whose probability (n, K) is at least the threshold (K,)."""
    found: Bools = probabilities.astype(np.float64) >= thresholds
    return found


def _fit(actual: Bools, probabilities: Floats) -> float:
    positives = int(actual.sum())
    values, place, rows = np.unique(probabilities, return_inverse=True, return_counts=True)
    if positives < MIN_POSITIVES or len(values) < 2:
        return DEFAULT
    below = np.append(0.0, values[:-1])
    # The middle of two adjacent floats is rounded to one of them; the lower one would take both in.
    candidates = np.where((below + values) / 2 > below, (below + values) / 2, values)
    # For each distinct value: the rows at or above it, and those of them in the class.
    taken = np.cumsum(rows[::-1])[::-1]
    hits = np.cumsum(np.bincount(place[actual], minlength=len(values))[::-1])[::-1]
    f1 = 2 * hits / (positives + taken)
    # The default takes in the same rows as the lowest value at or above it.
    at = int(np.searchsorted(values, DEFAULT))
    if at < len(values) and f1[at] == f1.max():
        return DEFAULT
    best = candidates[f1 == f1.max()]
    return float(best[np.argmin(np.abs(best - DEFAULT))])
