"""What the validation rows decide: the temperature, and the threshold of no answer."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from finetrail.targets.spans.codec import SpanCodec
from finetrail.targets.spans.confidence import fit_temperature, top_probability
from finetrail.targets.spans.judge import F1, SpanJudge
from finetrail.targets.spans.reading import Label
from finetrail.targets.spans.threshold import fit_threshold
from tests.unit.targets.spans.rows import answered, label_of, likeliest


def test_the_temperature_makes_confidence_true() -> None:
    chance = np.random.default_rng(0)
    logits = [np.sort(chance.normal(size=20) * 3)[::-1] for _ in range(3_000)]
    true = np.array([top_probability(one, 2.5) for one in logits])
    right = chance.random(len(logits)) < true
    assert fit_temperature(logits, right) == pytest.approx(2.5, rel=0.1)


def test_a_model_that_is_always_right_is_not_infinitely_sure() -> None:
    assert 0.05 <= fit_temperature([np.array([3.0, 0.0])] * 20, np.ones(20, dtype=np.bool_)) < 1
    assert fit_temperature([], np.zeros(0, dtype=np.bool_)) == 1
    assert np.isfinite(fit_temperature([np.zeros(0), np.array([1.0, 0.0])], np.array([False, True])))


@given(st.integers(0, 2**32 - 1))
def test_no_other_threshold_has_a_higher_f1(seed: int) -> None:
    chance = np.random.default_rng(seed)
    found = [likeliest(int(chance.integers(2**31)), 5) for _ in range(12)]
    labels: list[Label] = [
        [] if chance.random() < 0.4 else label_of(*found[row].spans[0 if chance.random() < 0.6 else 1].tolist())
        for row in range(len(found))
    ]

    def f1(threshold: float) -> float:
        codec = SpanCodec(unanswerable=True, threshold=threshold)
        return float(SpanJudge(codec).facts(labels, answered(codec, found))[:, F1].mean())

    fitted = fit_threshold(labels, answered(SpanCodec(unanswerable=True), found))
    margins = [one.no_answer - float(one.scores[0]) for one in found]
    assert f1(fitted) >= max(f1(edge) for one in margins for edge in (one - 1e-3, one + 1e-3)) - 1e-9


def test_without_spans_there_is_nothing_to_fit() -> None:
    assert fit_threshold([[]], answered(SpanCodec(unanswerable=True), [likeliest(0, 0)])) == 0
