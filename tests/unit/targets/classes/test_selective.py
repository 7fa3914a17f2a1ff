"""Abstaining and label sets: on cases worked out by hand, and what they promise on new rows."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from finetrail.targets.classes import CLASSES
from finetrail.targets.classes.codec import ClassCodec
from finetrail.targets.classes.learning import ClassLearning
from finetrail.targets.classes.selective import NEVER, fit_least_confident, risk_coverage
from finetrail.targets.classes.settings import ClassTraining
from tests.unit.targets.test_scaling import drawn

LABELS = ("a", "b", "c", "d")


def test_the_curve_answers_the_surest_rows_first() -> None:
    curve = risk_coverage(np.array([0.9, 0.5, 0.7, 0.7]), np.array([True, False, True, False]))
    assert curve.coverage.tolist() == [0.25, 0.75, 1.0]
    assert curve.risk.tolist() == pytest.approx([0, 1 / 3, 2 / 4])
    assert curve.area == pytest.approx((0 + 1 / 3 + 1 / 2) / 3)


def test_a_threshold_leaves_no_more_wrong_answers_than_asked_for() -> None:
    confidence = np.linspace(1, 0.5, 100)
    right = np.arange(100) < 90
    least = fit_least_confident(confidence, right, 0.05)
    answered = confidence >= least
    assert answered.sum() == 93
    assert (~right[answered]).mean() <= 0.05
    assert fit_least_confident(confidence, np.zeros(100, dtype=np.bool_), 0.05) == NEVER


@given(st.integers(0, 2**32 - 1), st.floats(0.02, 0.5))
def test_the_threshold_is_the_lowest_that_keeps_the_error_rate(seed: int, rate: float) -> None:
    rng = np.random.default_rng(seed)
    confidence, right = rng.integers(1, 20, 60) / 20, rng.random(60) < 0.8

    def allowed(least: float) -> bool:
        wrong = ~right[confidence >= least]
        return bool((wrong.sum() + 1) / (len(wrong) + 1) <= rate)

    found = fit_least_confident(confidence, right, rate)
    kept = [value for value in np.unique(confidence) if allowed(value)]
    assert found == (min(kept) if kept else NEVER)


def fitted(rows: int = 4000, **stated: float) -> tuple[ClassCodec, np.ndarray, list[str]]:
    """A codec fitted on half of simulated rows, and the logits and labels of the other half."""
    logits = np.random.default_rng(0).normal(size=(rows, 4)) * 2
    labels = [LABELS[k] for k in drawn(logits)]
    half = rows // 2
    learning = CLASSES.learn(labels[:half], ClassTraining.model_validate(stated))
    learning = learning.fitted((2 * logits[:half]).astype(np.float32), None, labels[:half])  # type: ignore[arg-type]
    assert isinstance(learning, ClassLearning)
    return learning.codec, (2 * logits[half:]).astype(np.float32), labels[half:]


@pytest.mark.parametrize("coverage", [0.6, 0.9, 0.99])
def test_label_sets_hold_the_actual_class_as_often_as_stated(coverage: float) -> None:
    codec, logits, labels = fitted(coverage=coverage)
    sets = codec.say(logits)["label_set"]
    assert np.mean([label in found for label, found in zip(labels, sets, strict=True)]) == pytest.approx(
        max(coverage, np.mean(codec.judge.right(labels, logits))), abs=0.02
    )
    assert [found[0] for found in sets] == codec.say(logits)["label"]
    assert CLASSES.codec(json.loads(json.dumps(codec.described()))) == codec


def test_answers_that_are_left_are_wrong_as_often_as_stated() -> None:
    codec, logits, labels = fitted(error_rate=0.1)
    said = codec.say(logits)
    assert list(said) == list(codec.kinds) == ["label", "score", "abstain"]
    right = codec.judge.right(labels, logits)
    assert (~right).mean() > 0.2
    assert (~right[~said["abstain"]]).mean() == pytest.approx(0.1, abs=0.03)
    assert 0.3 < said["abstain"].mean() < 0.9


def test_aligned_answers_keep_their_probabilities() -> None:
    codec, logits, _ = fitted()
    assert codec.temperature == pytest.approx(2, rel=0.1)
    own = ClassCodec(LABELS[::-1], temperature=0.7)
    ours, theirs = codec.log_probabilities(logits), own.log_probabilities(codec.aligned(logits, own))
    np.testing.assert_allclose(theirs[:, ::-1], ours, atol=1e-5)


def test_a_model_of_an_earlier_version_has_temperature_one() -> None:
    assert CLASSES.codec({"labels": ["a", "b"]}) == ClassCodec(("a", "b"))


def test_what_a_model_of_another_task_knows_is_passed_over() -> None:
    """A workspace whose task was changed still holds such files; the stages then say in a line whose they are."""
    assert CLASSES.codec({"labels": ["a"], "thresholds": [0.5], "slopes": [], "shifts": []}) == ClassCodec(("a",))
