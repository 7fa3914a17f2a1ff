"""Whether a classifier can tell two domains apart: the classifier two-sample test (Lopez-Paz & Oquab 2017).

Were the domains the same, no classifier could do better than chance on rows that it was not trained on. How good chance
is, is found by giving the rows' domains out again at random and fitting again, fold by fold: keeping the scores would
not do, as the classifiers of two folds share most of their rows.

The classifier is Fisher's linear discriminant with the shrunk covariance of Ledoit & Wolf (2004), because the
covariance of all rows does not depend on their domains: every refit is one column of a matrix product.
"""

from dataclasses import dataclass

import numpy as np

from finetrail.evaluation.scores.bootstrap import Draws, Floats, Interval, Ints, percentiles

FOLDS = 5


@dataclass(frozen=True)
class Separation:
    """How well the rows of two domains can be told apart.

    Attributes:
        auc: of the classifier, on rows that it was not trained on: the chance that it ranks a row of the other domain
            above one of the first. 0.5: not at all, 1: always.
        chance: of the same, where the domains of rows are drawn; an `auc` within it shows no shift.
        p: the probability of such an `auc` or a higher one without a shift.
        scores: of the rows of the first domain (n,) and of the other (m,); higher is more like the other.
    """

    auc: float
    chance: Interval
    p: float
    scores: tuple[Floats, Floats]

    def furthest(self, most: int) -> list[int]:
        """The rows of the other domain that are least like the first, the least first."""
        order = np.argsort(-self.scores[1], kind="stable")
        return [int(place) for place in order[:most]]


def separation(source: Floats, target: Floats, draws: Draws) -> Separation:
    """Tell two domains apart by features, on rows out of the fold.

    Args:
        source: features of the first domain (n, D), n >= `FOLDS`; rows are taken to be independent.
        target: of the other (m, D), m >= `FOLDS`.
        draws: how many times domains are drawn, and the seed of folds and draws.

    Raises:
        ValueError: a domain has fewer rows than there are folds.
    """
    if min(len(source), len(target)) < FOLDS:
        raise ValueError(f"{FOLDS} folds need {FOLDS} rows of each domain, got {len(source)} and {len(target)}")
    generator = np.random.default_rng(draws.seed)
    features = _standardised(np.concatenate([source, target]).astype(np.float64))
    is_target = np.arange(len(features)) >= len(source)
    folds = np.empty(len(features), dtype=np.int64)
    for domain in (~is_target, is_target):
        folds[domain] = generator.permutation(int(domain.sum())) % FOLDS
    # The first column holds the true domains, each further one a drawing that leaves each fold its share of both.
    domains = np.repeat(is_target[:, None], 1 + draws.resamples, axis=1)
    for fold in range(FOLDS):
        domains[folds == fold, 1:] = generator.permuted(domains[folds == fold, 1:], axis=0)
    aucs, scores = np.zeros(domains.shape[1]), np.empty(len(features))
    for fold in range(FOLDS):
        out = folds == fold
        found = _discriminant(features[~out], domains[~out], features[out])
        aucs += _auc(found, domains[out]) / FOLDS
        # Classifiers of two folds have no common scale.
        scores[out] = (found[:, 0] - found[:, 0].mean()) / max(found[:, 0].std(), np.finfo(np.float64).tiny)
    drawn = aucs[1:]
    p = (1 + int((drawn >= aucs[0]).sum())) / (1 + draws.resamples)
    chance = percentiles(float(drawn.mean()), drawn, draws.confidence)
    return Separation(float(aucs[0]), chance, p, (scores[~is_target], scores[is_target]))


def _standardised(features: Floats) -> Floats:
    """Features with mean 0 and deviation 1, without those that never change."""
    deviations = features.std(axis=0)
    varied = deviations > 1e-12
    found: Floats = (features[:, varied] - features[:, varied].mean(axis=0)) / deviations[varied]
    return found if varied.any() else np.zeros((len(features), 1))


def _discriminant(features: Floats, domains: Ints, others: Floats) -> Floats:
    """The scores of other rows (k, R), by classifiers of these (n, D) for each drawing of their domains (n, R)."""
    from scipy.linalg import solve
    from sklearn.covariance import ledoit_wolf

    mean = features.mean(axis=0)
    covariance = ledoit_wolf(features)[0] + 1e-9 * np.eye(features.shape[1])
    contrast = np.where(domains, 1 / domains[:, 0].sum(), -1 / (~domains[:, 0]).sum())
    found: Floats = (others - mean) @ solve(covariance, (features - mean).T @ contrast, assume_a="pos")
    return found


def _auc(scores: Floats, domains: Ints) -> Floats:
    """The area under the ROC curve of each column (R,), from scores (k, R); ties count half (Mann & Whitney 1947)."""
    from scipy.stats import rankdata

    targets = domains[:, 0].sum()
    ranks = (rankdata(scores, axis=0) * domains).sum(axis=0)
    found: Floats = (ranks - targets * (targets + 1) / 2) / (targets * (len(domains) - targets))
    return found
