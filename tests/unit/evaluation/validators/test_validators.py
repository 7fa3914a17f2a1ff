"""Validators prefer a good model to a bad one, and are fooled by what their papers' critics say they are."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from finetrail.evaluation.scores.bootstrap import Draws, Floats, bootstrap, point_scores
from finetrail.evaluation.selection import Selection
from finetrail.evaluation.validators.validator import Validator

WITHOUT_LABELS = ["entropy", "snd", "bnm"]


def _validator(method: str) -> Validator:
    asked = {"metric": "accuracy", "validator": {"method": method, "rows": "other"}}
    found = Selection.model_validate(asked).validator
    assert found is not None
    return found


def _score(method: str, answers: Any) -> float:
    return point_scores(_validator(method), range(len(answers)), answers)[method]


def _softmax(logits: Floats) -> Floats:
    exponents = np.exp(logits - logits.max(axis=1, keepdims=True))
    found: Floats = exponents / exponents.sum(axis=1, keepdims=True)
    return found


def _answers(sureness: float, seed: int = 0) -> Floats:
    """Of a model to rows of three classes; the surer, the fewer it confuses."""
    generator = np.random.default_rng(seed)
    return _softmax(sureness * np.eye(3)[np.arange(90) % 3] + generator.standard_normal((90, 3)))


COLLAPSED = _softmax(np.tile([9.0, 0.0, 0.0], (90, 1)))


@pytest.mark.parametrize("method", WITHOUT_LABELS)
def test_the_surer_model_of_separate_classes_is_ranked_higher(method: str) -> None:
    scores = [_score(method, _answers(sureness)) for sureness in (3.0, 5.0, 8.0)]
    assert scores == sorted(scores)
    assert 0 <= scores[0] < scores[-1] <= 1


def test_one_class_for_all_rows_fools_entropy_and_density_but_not_the_nuclear_norm() -> None:
    good = _answers(5.0)
    assert _score("entropy", COLLAPSED) > _score("entropy", good)
    assert _score("snd", COLLAPSED) > _score("snd", good)
    assert _score("bnm", COLLAPSED) < _score("bnm", good)
    assert _score("snd", _answers(1.0)) > _score("snd", _answers(3.0))  # answers that say nothing are alike, too


def test_rare_classes_fool_the_nuclear_norm() -> None:
    sure_and_right = np.eye(3)[[0] * 86 + [1] * 2 + [2] * 2]
    assert _score("bnm", sure_and_right) < _score("bnm", _answers(5.0))
    assert _score("entropy", sure_and_right) == 1.0


def test_they_agree_with_pytorch_adapt() -> None:
    """pytorch-adapt 0.0.83 with pytorch-metric-learning 1.7.3 gives the numbers below:

    logits = torch.sin(torch.arange(24.0)).reshape(8, 3) * 3
    EntropyLoss()(logits), -BNMLoss()(logits), SNDValidator()(target_train={"preds": logits.softmax(1)})
    """
    answers = _softmax(np.sin(np.arange(24.0)).reshape(8, 3) * 3)
    # Theirs are not in parts of the largest one possible.
    assert (1 - _score("entropy", answers)) * np.log(3) == pytest.approx(0.4369634985923767, abs=1e-6)
    assert _score("bnm", answers) * np.sqrt(8 * 3) / 8 == pytest.approx(0.4703109562397003, abs=1e-6)
    assert _score("snd", answers) * np.log(7) == pytest.approx(0.9709117412567139, abs=1e-5)


def test_blocks_change_no_score(monkeypatch: pytest.MonkeyPatch) -> None:
    draws = Draws(20, seed=0)
    whole = {name: bootstrap(_validator(name), range(90), [_answers(3.0)], draws) for name in WITHOUT_LABELS}
    monkeypatch.setattr("finetrail.evaluation.validators.snd._BLOCK", 90 * 7)
    monkeypatch.setattr("finetrail.evaluation.validators.bnm._BLOCK", 9 * 7)
    for name, found in whole.items():
        blocks = bootstrap(_validator(name), range(90), [_answers(3.0)], draws)
        assert blocks.point[name] == pytest.approx(found.point[name])
        assert blocks.draws[name] == pytest.approx(found.draws[name])


@given(st.lists(st.lists(st.floats(-20, 20), min_size=3, max_size=3), min_size=3, max_size=12), st.integers(0, 99))
def test_they_lie_within_bounds_whatever_the_order_of_rows(logits: list[list[float]], seed: int) -> None:
    answers = _softmax(np.array(logits))
    order = np.random.default_rng(seed).permutation(len(answers))
    for method in WITHOUT_LABELS:
        score = _score(method, answers)
        assert -1e-9 <= score <= 1 + 1e-9
        assert _score(method, answers[order]) == pytest.approx(score)


def test_a_resample_is_scored_as_the_rows_that_were_drawn() -> None:
    """The nuclear norm of drawn rows comes from how often each was drawn."""
    bnm, answers = _validator("bnm"), _answers(2.0)
    places = np.random.default_rng(1).integers(0, 90, 90)
    drawn = np.bincount(places, minlength=90)[None]
    expected = np.linalg.norm(answers[places], "nuc") / np.sqrt(90 * 3)
    assert bnm.scores(answers, drawn)["bnm"][0] == pytest.approx(expected)


def _domains(seed: int, rows: int = 2000) -> tuple[Floats, Floats, Floats]:
    """Source rows, with the ratio of densities of a target that lies one to the right, and target rows."""
    generator = np.random.default_rng(seed)
    source = generator.standard_normal(rows)
    return source, np.exp(source - 0.5), generator.standard_normal(rows) + 1


def _weighted(right: Any, weights: Floats) -> float:
    return _score("weighted", np.stack([weights, right.astype(np.float64)], axis=1))


def test_a_model_that_is_right_where_the_other_domain_lies_is_ranked_higher() -> None:
    source, weights, target = _domains(0)
    for side in (1, -1):
        right, expected = source * side > -0.5, (target * side > -0.5).mean()
        assert _weighted(right, weights) == pytest.approx(expected, abs=0.03)
        assert abs(right.mean() - expected) > 0.2  # without weights both models are as good


def test_the_control_variate_lowers_the_variance() -> None:
    with_it, without = [], []
    for seed in range(100):
        source, weights, _ = _domains(seed, 200)
        right = source > -0.5
        with_it.append(_weighted(right, weights))
        without.append((right * weights).mean())
    assert np.std(with_it) < 0.5 * np.std(without)
    assert np.mean(with_it) == pytest.approx(0.933, abs=0.02)  # Phi(1.5)


def test_rows_that_weigh_the_same_give_the_plain_mean() -> None:
    assert _weighted(np.array([1.0, 0.0, 1.0, 1.0]), np.ones(4)) == 0.75
