"""The rows that were answered worst, and the mistakes about each class: found as by hand, in an order that holds."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import log_loss, multilabel_confusion_matrix

from finetrail.targets.class_sets.confusions import Answers, Confusion, Mistake, confusions, losses, worst_mistakes
from tests.unit.targets.class_sets.answers import ANSWERS, answers, take
from tests.unit.targets.class_sets.answers import Answers as Arrays

LABELS = ("comedy", "drama", "war")
FILMS = Answers(
    ids=["a", "b", "c", "d"],
    actual=np.array([[1, 0, 0], [0, 1, 1], [1, 1, 0], [0, 0, 0]], dtype=bool),
    predicted=np.array([[1, 0, 0], [1, 0, 1], [1, 0, 0], [1, 0, 0]], dtype=bool),
    probabilities=np.array([[0.9, 0.1, 0.2], [0.9, 0.2, 0.7], [0.8, 0.4, 0.1], [0.9, 0.1, 0.1]]),
    labels=LABELS,
)


def made(found: Arrays) -> Answers:
    actual, predicted, probabilities = found
    ids = [f"id{row:02d}" for row in range(len(actual))]
    return Answers(ids, actual, predicted, probabilities, [f"c{k}" for k in range(actual.shape[1])])


def test_the_worst_mistakes_name_what_is_missing_and_what_is_too_much() -> None:
    found = worst_mistakes(FILMS)
    assert [mistake.id for mistake in found] == ["b", "d", "c"]
    assert found[0] == Mistake(
        id="b",
        actual=("drama", "war"),
        predicted=("comedy", "war"),
        missing=("drama",),
        superfluous=("comedy",),
        loss=found[0].loss,
    )
    assert found[0].loss == pytest.approx(-np.log([0.1, 0.2, 0.7]).mean())
    assert (found[1].actual, found[1].superfluous, found[1].missing) == ((), ("comedy",), ())
    assert worst_mistakes(FILMS, limit=1) == found[:1]


def test_the_mistakes_about_each_class_are_counted_and_the_worst_named() -> None:
    assert confusions(FILMS) == (
        Confusion("comedy", 2, 0, ("b", "d"), ()),  # equally sure of both: by id
        Confusion("drama", 0, 2, (), ("b", "c")),
        Confusion("war", 0, 0, (), ()),
    )
    assert confusions(FILMS, examples=1)[1].worst_misses == ("b",)


@given(ANSWERS)
def test_the_counts_are_those_of_sklearn_and_the_examples_are_the_worst(found: Arrays) -> None:
    given_ = made(found)
    actual, predicted = (np.pad(column, ((0, 0), (0, 1))).astype(int) for column in found[:2])
    for k, one in enumerate(confusions(given_, examples=3)):
        (_, alarms), (misses, _) = multilabel_confusion_matrix(actual, predicted)[k]
        assert (one.false_alarms, one.misses) == (alarms, misses)
        probability = dict(zip(given_.ids, given_.probabilities[:, k], strict=True))
        wrong = predicted[:, k] > actual[:, k], predicted[:, k] < actual[:, k]
        for rows, worst, sign in zip(wrong, (one.worst_false_alarms, one.worst_misses), (-1, 1), strict=True):
            everyone = sorted(
                (sign * probability[given_.ids[row]], given_.ids[row]) for row in np.flatnonzero(rows).tolist()
            )
            assert list(worst) == [id_ for _, id_ in everyone[:3]]


@given(ANSWERS, st.integers(0, 10**6))
def test_the_order_of_the_rows_changes_nothing(found: Arrays, seed: int) -> None:
    first = made(found)
    other = np.random.default_rng(seed).permutation(len(found[0]))
    actual, predicted, probabilities = take(found, other)
    second = Answers([first.ids[row] for row in other], actual, predicted, probabilities, first.labels)
    assert worst_mistakes(first) == worst_mistakes(second)
    assert confusions(first) == confusions(second)
    wrong = {first.ids[row] for row in np.flatnonzero((found[0] != found[1]).any(axis=1)).tolist()}
    assert {mistake.id for mistake in worst_mistakes(first)} == wrong


def test_the_loss_is_the_mean_binary_cross_entropy_and_finite_for_wrong_certainty() -> None:
    actual, _, probabilities = answers(20, 3, 0)
    inside = probabilities * 0.9 + 0.05
    expected = [log_loss(actual[row], inside[row], labels=[False, True]) for row in range(20)]
    np.testing.assert_allclose(losses(actual, inside), expected)
    certain = losses(np.array([[True, False], [True, False]]), np.array([[0.0, 1.0], [1.0, 0.0]], dtype=np.float32))
    assert certain.tolist() == pytest.approx([-np.log(1e-7), 1e-7])
