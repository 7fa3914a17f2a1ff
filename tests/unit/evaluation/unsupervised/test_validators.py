"""Validators prefer a good model to a bad one, and are fooled by what their papers' critics say they are."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from finetrail.evaluation.scores.bootstrap import Floats
from finetrail.evaluation.unsupervised.validators import (
    VALIDATORS,
    certainty,
    density,
    diversity,
    weighted_mean,
)


def _softmax(logits: Floats) -> Floats:
    exponents = np.exp(logits - logits.max(axis=1, keepdims=True))
    found: Floats = exponents / exponents.sum(axis=1, keepdims=True)
    return found


def _answers(sureness: float, seed: int = 0) -> Floats:
    """Of a model to rows of three classes; the surer, the fewer it confuses."""
    generator = np.random.default_rng(seed)
    return _softmax(sureness * np.eye(3)[np.arange(90) % 3] + generator.standard_normal((90, 3)))


COLLAPSED = _softmax(np.tile([9.0, 0.0, 0.0], (90, 1)))


@pytest.mark.parametrize("validator", VALIDATORS.values(), ids=lambda one: one.name)
def test_the_surer_model_of_separate_classes_is_ranked_higher(validator) -> None:  # type: ignore[no-untyped-def]
    scores = [validator.score(_answers(sureness)) for sureness in (3.0, 5.0, 8.0)]
    assert scores == sorted(scores)
    assert 0 <= scores[0] < scores[-1] <= 1


def test_one_class_for_all_rows_fools_entropy_and_density_but_not_the_nuclear_norm() -> None:
    good = _answers(5.0)
    assert certainty(COLLAPSED) > certainty(good)
    assert density(COLLAPSED) > density(good)
    assert diversity(COLLAPSED) < diversity(good)
    assert density(_answers(1.0)) > density(_answers(3.0))  # answers that say nothing are alike, too


def test_rare_classes_fool_the_nuclear_norm() -> None:
    sure_and_right = np.eye(3)[[0] * 86 + [1] * 2 + [2] * 2]
    assert diversity(sure_and_right) < diversity(_answers(5.0))
    assert certainty(sure_and_right) == 1.0


def test_they_agree_with_pytorch_adapt() -> None:
    """pytorch-adapt 0.0.83 with pytorch-metric-learning 1.7.3 gives the numbers below:

    logits = torch.sin(torch.arange(24.0)).reshape(8, 3) * 3
    EntropyLoss()(logits), -BNMLoss()(logits), SNDValidator()(target_train={"preds": logits.softmax(1)})
    """
    answers = _softmax(np.sin(np.arange(24.0)).reshape(8, 3) * 3)
    # Theirs are not in parts of the largest one possible.
    assert (1 - certainty(answers)) * np.log(3) == pytest.approx(0.4369634985923767, abs=1e-6)
    assert diversity(answers) * np.sqrt(8 * 3) / 8 == pytest.approx(0.4703109562397003, abs=1e-6)
    assert density(answers) * np.log(7) == pytest.approx(0.9709117412567139, abs=1e-5)


def test_blocks_do_not_change_the_density(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = density(_answers(3.0))
    monkeypatch.setattr("finetrail.evaluation.unsupervised.validators._BLOCK", 90 * 7)
    assert density(_answers(3.0)) == pytest.approx(whole)


@given(st.lists(st.lists(st.floats(-20, 20), min_size=3, max_size=3), min_size=3, max_size=12), st.integers(0, 99))
def test_they_lie_within_bounds_whatever_the_order_of_rows(logits: list[list[float]], seed: int) -> None:
    answers = _softmax(np.array(logits))
    order = np.random.default_rng(seed).permutation(len(answers))
    for validator in VALIDATORS.values():
        score = validator.score(answers)
        assert -1e-9 <= score <= 1 + 1e-9
        assert validator.score(answers[order]) == pytest.approx(score)


def _domains(seed: int, rows: int = 2000) -> tuple[Floats, Floats, Floats]:
    """Source rows, with the ratio of densities of a target that lies one to the right, and target rows."""
    generator = np.random.default_rng(seed)
    source = generator.standard_normal(rows)
    return source, np.exp(source - 0.5), generator.standard_normal(rows) + 1


def test_a_model_that_is_right_where_the_other_domain_lies_is_ranked_higher() -> None:
    source, weights, target = _domains(0)
    for side in (1, -1):
        right, expected = source * side > -0.5, (target * side > -0.5).mean()
        plain, found = right.mean(), weighted_mean(right.astype(np.float64), weights)
        assert found == pytest.approx(expected, abs=0.03)
        assert abs(plain - expected) > 0.2  # without weights both models are as good


def test_the_control_variate_lowers_the_variance() -> None:
    with_it, without = [], []
    for seed in range(100):
        source, weights, _ = _domains(seed, 200)
        scores = (source > -0.5).astype(np.float64)
        with_it.append(weighted_mean(scores, weights))
        without.append((scores * weights).mean())
    assert np.std(with_it) < 0.5 * np.std(without)
    assert np.mean(with_it) == pytest.approx(0.933, abs=0.02)  # Phi(1.5)


def test_rows_that_weigh_the_same_give_the_plain_mean() -> None:
    assert weighted_mean(np.array([1.0, 0.0, 1.0, 1.0]), np.ones(4)) == 0.75
