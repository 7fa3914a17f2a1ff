"""Which rows are shown first."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from finetrail.targets.classes.metrics import confusion_matrix, log_softmax
from finetrail.targets.classes.mistakes import Answers, first_of_each_class, worst_confusions, worst_mistakes

LABELS = ["cat", "dog", "owl"]


def answers(ids: list[str], y_true: list[int], logits: np.ndarray, labels: list[str] | None = None) -> Answers:
    return Answers(ids, np.array(y_true, dtype=np.int64), logits.argmax(axis=1), log_softmax(logits), labels or LABELS)


def test_the_wrong_answers_with_least_probability_for_the_label_come_first() -> None:
    logits = np.log(np.array([[0.7, 0.2, 0.1], [0.1, 0.6, 0.3], [0.5, 0.1, 0.4], [0.05, 0.05, 0.9]]))
    given = answers(["a", "b", "c", "d"], [0, 0, 2, 1], logits)
    found = worst_mistakes(given)
    assert [(one.id, one.actual, one.predicted) for one in found] == [
        ("d", "dog", "owl"),
        ("b", "cat", "dog"),
        ("c", "owl", "cat"),
    ]
    np.testing.assert_allclose((found[0].confidence, found[0].given_to_actual), (0.9, 0.05))
    assert [one.id for one in worst_mistakes(given, limit=1)] == ["d"]


def test_equal_losses_are_ordered_by_id_whatever_the_order_of_rows() -> None:
    logits = np.array([[1.0, 0.0], [1.0, 0.0]])
    assert [one.id for one in worst_mistakes(answers(["z", "y"], [1, 1], logits, ["n", "p"]))] == ["y", "z"]


def test_confusions_are_off_the_diagonal_and_not_empty() -> None:
    nobody = answers([], [], np.zeros((0, 3)))
    found = worst_confusions(np.array([[9, 1, 0], [4, 6, 0], [0, 1, 2]]), nobody)
    assert [(one.actual, one.predicted, one.rows) for one in found] == [
        ("dog", "cat", 4),
        ("cat", "dog", 1),
        ("owl", "dog", 1),
    ]
    assert found[0].share == 0.4
    assert worst_confusions(np.eye(3, dtype=np.int64), nobody) == ()


def test_a_confusion_names_the_worst_of_its_rows() -> None:
    logits = np.array([[2.0, 0, 0], [3.0, 0, 0], [0, 4.0, 0], [0, 0, 1.0], [1.0, 0, 0]])
    given = answers(["a", "b", "c", "d", "e"], [1, 1, 0, 2, 1], logits)
    found = worst_confusions(confusion_matrix(given.y_true, given.y_pred, 3), given, examples=2)
    assert [(one.actual, one.predicted, one.rows, one.worst) for one in found] == [
        ("dog", "cat", 3, ("b", "a")),
        ("cat", "dog", 1, ("c",)),
    ]


@given(st.lists(st.integers(0, 2), max_size=40), st.integers(0, 5))
def test_each_class_has_its_rows_with_the_smallest_ids(y_true: list[int], limit: int) -> None:
    ids = [f"{(7 * row) % 41:02d}" for row in range(len(y_true))]
    logits = np.random.default_rng(0).normal(size=(len(y_true), 3))
    found = first_of_each_class(answers(ids, y_true, logits), limit=limit)
    for number, rows in enumerate(found):
        assert [one.id for one in rows] == sorted(
            row for row, actual in zip(ids, y_true, strict=True) if actual == number
        )[:limit]
        assert all(one.right == (one.predicted == LABELS[number]) for one in rows)
