"""From which probability on a row gets a class: one threshold a class, with the best F1 on the validation rows.

F1 is best far below 0.5 where a class is rare, and class weights move its probabilities: which threshold is best must
be measured (Lipton, Elkan & Naryanaswamy, Optimal Thresholding of Classifiers to Maximize F1 Measure, 2014).
"""

import numpy as np

from finetrail.targets.class_sets.ranking import Bools, Floats, Probabilities

DEFAULT = 0.5
"""The threshold of a class for which none can be fitted."""
MIN_POSITIVES = 10
"""Validation rows of a class from which on its threshold is fitted.

Measured on new rows, for classes on 2% to 30% of the rows: a threshold fitted on 10 rows of the class costs at most
0.04 of F1 where 0.5 was right, and gains up to 0.3 where it was not. Fitted on 3 rows, it costs up to 0.05, in half of
the trials.
"""


def fit_thresholds(actual: Bools, probabilities: Probabilities) -> Floats:
    """Fit the threshold (K,) of each class on its own, exactly: no other one has a better F1 on these rows.

    Candidates lie midway between neighbouring probabilities, 0 among them. Where several have the best F1 it is
    `DEFAULT` if that is as good, and else the one that is nearest to it, of two the lower. It is also `DEFAULT` where
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
    # Between two neighbouring floats the middle is rounded to one of them; at the lower one it would take both in.
    candidates = np.where((below + values) / 2 > below, (below + values) / 2, values)
    # Of each different value and of all above it: the rows, and those of the class.
    taken = np.cumsum(rows[::-1])[::-1]
    hits = np.cumsum(np.bincount(place[actual], minlength=len(values))[::-1])[::-1]
    f1 = 2 * hits / (positives + taken)
    # The default takes in what the lowest value that is not below it takes in.
    at = int(np.searchsorted(values, DEFAULT))
    if at < len(values) and f1[at] == f1.max():
        return DEFAULT
    best = candidates[f1 == f1.max()]
    return float(best[np.argmin(np.abs(best - DEFAULT))])
