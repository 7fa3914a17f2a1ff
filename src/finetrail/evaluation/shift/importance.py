"""How much labelled rows count for another domain: importance weights (Sugiyama et al. 2007)."""

import numpy as np

from finetrail.evaluation.scores.bootstrap import Floats
from finetrail.evaluation.shift.classifier import Separation


def importance(separation: Separation) -> Floats:
    """How many times as dense each row of the first domain is in the other one (n,).

    A logistic curve of the classifier's scores (Platt 1999) gives the odds of a row to be of the other domain.
    """
    from sklearn.linear_model import LogisticRegression

    source, target = separation.scores
    scores = np.concatenate([source, target])[:, None]
    is_target = np.arange(len(scores)) >= len(source)
    curve = LogisticRegression().fit(scores, is_target)
    found: Floats = np.exp(curve.decision_function(source[:, None])) * len(source) / len(target)
    return found


def effective_rows(weights: Floats) -> float:
    """How many rows that all count the same say as much as these (Kish 1965)."""
    return float(weights.sum() ** 2 / (weights**2).sum())
