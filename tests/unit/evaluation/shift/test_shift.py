"""No shift is found where there is none, a planted one is found, and draws depend on the seed alone."""

import numpy as np
import pytest
from scipy.spatial.distance import cdist
from sklearn.metrics import roc_auc_score

from finetrail.evaluation.scores.bootstrap import Draws, Floats
from finetrail.evaluation.shift.classifier import Separation, separation
from finetrail.evaluation.shift.discrepancy import BANDWIDTHS, Discrepancy, discrepancy
from finetrail.evaluation.shift.importance import importance

DRAWS = Draws(199, seed=0)


def _domains(seed: int, shift: float, rows: tuple[int, int] = (80, 60)) -> tuple[Floats, Floats]:
    generator = np.random.default_rng(seed)
    source, target = (generator.standard_normal((count, 6)) for count in rows)
    target[:, 0] += shift
    return source, target


def test_without_a_shift_each_p_value_is_about_as_likely() -> None:
    pairs = [_domains(seed, 0.0) for seed in range(100)]
    classified = [separation(*pair, Draws(99, seed)) for seed, pair in enumerate(pairs)]
    measured = [discrepancy(*pair, Draws(99, seed)) for seed, pair in enumerate(pairs)]
    for found in (classified, measured):
        p = np.array([one.p for one in found])
        assert 0.4 < p.mean() < 0.6
        assert (p <= 0.1).mean() <= 0.2  # 0.1 is expected, with a deviation of 0.03
        assert (p > 0.9).mean() <= 0.2
    assert np.mean([one.chance.low <= one.auc <= one.chance.high for one in classified]) >= 0.88
    assert all(one.chance.low < 0.5 < one.chance.high for one in classified)


def test_a_planted_shift_is_found() -> None:
    source, target = _domains(0, 1.0)
    classified, measured = separation(source, target, DRAWS), discrepancy(source, target, DRAWS)
    assert classified.p == measured.p == 1 / 200
    assert classified.auc > classified.chance.high
    assert measured.value > measured.chance.high
    # With equal covariances no classifier does better than the normal distribution's 0.76 = Phi(1 / sqrt(2)).
    large = separation(*_domains(1, 1.0, (4000, 4000)), Draws(1, 0))
    assert large.auc == pytest.approx(0.760, abs=0.015)


def test_a_shift_of_spread_alone_is_for_the_kernel_to_find() -> None:
    source, target = _domains(0, 0.0)
    assert discrepancy(source, target * 2, DRAWS).p == 1 / 200


def test_the_furthest_rows_are_those_that_were_moved() -> None:
    source, target = _domains(3, 0.0)
    target[[4, 17, 33]] += 8.0
    assert sorted(separation(source, target, DRAWS).furthest(3)) == [4, 17, 33]


def test_the_auc_is_that_of_rows_out_of_the_fold() -> None:
    source, target = _domains(4, 0.5, (400, 300))
    found = separation(source, target, Draws(1, 0))
    scores = np.concatenate(found.scores)
    # Pooled over folds instead of the mean of folds: the same, but for the folds' own scales.
    assert found.auc == pytest.approx(roc_auc_score([0] * 400 + [1] * 300, scores), abs=0.01)
    # More features than rows: a classifier separates the rows that it was fitted to, whatever they are.
    generator = np.random.default_rng(0)
    wide = separation(generator.standard_normal((40, 300)), generator.standard_normal((40, 300)), DRAWS)
    assert wide.chance.low <= wide.auc <= wide.chance.high


def test_the_discrepancy_is_that_of_its_definition() -> None:
    source, target = _domains(5, 0.7, (30, 20))
    both = np.concatenate([source, target])
    median = np.median(cdist(both, both, "sqeuclidean")[np.triu_indices(50, 1)])

    def kernel(one: Floats, other: Floats) -> Floats:
        distances = cdist(one, other, "sqeuclidean")
        found: Floats = np.mean([np.exp(-distances / (2 * part * median)) for part in BANDWIDTHS], axis=0)
        return found

    own, others = kernel(source, source), kernel(target, target)
    expected = (own.sum() - 30) / (30 * 29) + (others.sum() - 20) / (20 * 19) - 2 * kernel(source, target).mean()
    assert discrepancy(source, target, DRAWS).value == pytest.approx(expected)


def _plain(found: Separation | Discrepancy) -> object:
    return (found.chance, found.p, *([np.concatenate(found.scores).tolist()] if isinstance(found, Separation) else []))


@pytest.mark.parametrize("measure", [separation, discrepancy])
def test_draws_depend_on_the_seed_alone(measure: type) -> None:
    pair = _domains(0, 0.3)
    np.random.seed(1)
    once = measure(*pair, DRAWS)
    np.random.seed(2)
    assert _plain(measure(*pair, DRAWS)) == _plain(once)
    assert _plain(measure(*pair, Draws(199, seed=1))) != _plain(once)


def test_rows_that_are_all_alike_show_no_shift() -> None:
    same = np.ones((10, 3))
    found = separation(same, same, DRAWS)
    assert (found.auc, found.p) == (0.5, 1.0)
    assert discrepancy(same, same, DRAWS).p == 1.0


def test_too_few_rows_are_refused() -> None:
    with pytest.raises(ValueError, match="5 folds need 5 rows of each domain, got 80 and 4"):
        separation(*_domains(0, 0.0, (80, 4)), DRAWS)
    with pytest.raises(ValueError, match="MMD needs two rows of each domain, got 80 and 1"):
        discrepancy(*_domains(0, 0.0, (80, 1)), DRAWS)


def test_importance_is_the_ratio_of_densities() -> None:
    source, target = _domains(0, 1.0, (3000, 2000))
    weights = importance(source, target, 0)
    assert weights.mean() == pytest.approx(1.0, abs=0.05)
    assert np.corrcoef(np.log(weights), source[:, 0] - 0.5)[0, 1] > 0.99
