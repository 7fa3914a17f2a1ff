"""How good the answers of a regression are: its metrics, and the best constant answer."""

import numpy as np

from finetrail.evaluation.scores.bootstrap import point_scores
from finetrail.targets.numbers.codec import NumberCodec
from finetrail.targets.numbers.judge import NumberJudge
from finetrail.targets.numbers.metrics import scores

JUDGE = NumberJudge(NumberCodec(3.0, 2.0))
LABELS = [1.0, 4.0, 4.5]
SAID = np.array([[1.5], [4.0], [2.0]], dtype=np.float32)


def test_the_metrics_are_those_of_the_actual_and_the_predicted_numbers() -> None:
    assert point_scores(JUDGE, LABELS, SAID) == scores(np.array(LABELS), SAID[:, 0].astype(np.float64))


def test_a_number_is_neither_right_nor_wrong() -> None:
    assert JUDGE.right(LABELS, SAID) is None  # type: ignore[func-returns-value]
    assert JUDGE.groups(LABELS, SAID) == {}
    assert JUDGE.errors(LABELS, SAID) == {}


def test_the_best_constant_is_the_mean() -> None:
    assert JUDGE.constant([1.0, 4.0]).tolist() == [[2.5], [2.5]]


def test_a_card_says_what_always_answering_the_mean_would_give() -> None:
    tested = {"baseline": {"mean_of_train": 1234.5, "rmse": 0.25}}
    assert JUDGE.limits(tested) == [
        "Always answering 1,234, the mean of the training labels, has an RMSE of 0.2500 on test."
    ]
    assert JUDGE.limits({}) == JUDGE.told(tested) == []
