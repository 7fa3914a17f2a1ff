"""How much labelled rows count for another domain: importance weights (Sugiyama et al. 2007)."""

import numpy as np

from finetrail.evaluation.scores.bootstrap import Draws, Floats
from finetrail.evaluation.shift.classifier import separation


def importance(source: Floats, target: Floats, seed: int) -> Floats:
    """How many times as dense each row of the first domain is in the other one (n,).

    A logistic curve (Platt 1999) of the scores of a classifier, fitted to other rows, gives the odds of a row to be of
    the other domain.

    Args:
        source: features of the first domain (n, D), n >= `FOLDS`.
        target: of the other (m, D), m >= `FOLDS`.
        seed: of the folds.

    Raises:
        ValueError: a domain has fewer rows than there are folds.
    """
    from sklearn.linear_model import LogisticRegression

    own, others = separation(source, target, Draws(1, seed)).scores
    scores = np.concatenate([own, others])[:, None]
    is_target = np.arange(len(scores)) >= len(own)
    curve = LogisticRegression().fit(scores, is_target)
    found: Floats = np.exp(curve.decision_function(own[:, None])) * len(own) / len(others)
    return found
