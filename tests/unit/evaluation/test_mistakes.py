"""Which mistakes are shown first."""

import numpy as np

from finetrail.evaluation.mistakes import worst_confusions, worst_mistakes

LABELS = ["cat", "dog", "owl"]


def test_the_wrong_answers_with_least_probability_for_the_label_come_first() -> None:
    logits = np.log(np.array([[0.7, 0.2, 0.1], [0.1, 0.6, 0.3], [0.5, 0.1, 0.4], [0.05, 0.05, 0.9]]))
    found = worst_mistakes(["a", "b", "c", "d"], ["A", "B", "C", "D"], np.array([0, 0, 2, 1]), logits, LABELS)
    assert [(one.id, one.text, one.actual, one.predicted) for one in found] == [
        ("d", "D", "dog", "owl"),
        ("b", "B", "cat", "dog"),
        ("c", "C", "owl", "cat"),
    ]
    np.testing.assert_allclose((found[0].confidence, found[0].given_to_actual), (0.9, 0.05))
    assert [
        one.id for one in worst_mistakes(list("abcd"), list("ABCD"), np.array([0, 0, 2, 1]), logits, LABELS, limit=1)
    ] == ["d"]


def test_equal_losses_are_ordered_by_id_whatever_the_order_of_rows() -> None:
    logits = np.array([[1.0, 0.0], [1.0, 0.0]])
    assert [one.id for one in worst_mistakes(["z", "y"], ["", ""], np.array([1, 1]), logits, ["n", "p"])] == ["y", "z"]


def test_confusions_are_off_the_diagonal_and_not_empty() -> None:
    found = worst_confusions(np.array([[9, 1, 0], [4, 6, 0], [0, 1, 2]]), LABELS)
    assert [(one.actual, one.predicted, one.rows) for one in found] == [
        ("dog", "cat", 4),
        ("cat", "dog", 1),
        ("owl", "dog", 1),
    ]
    assert found[0].share == 0.4
    assert worst_confusions(np.eye(3, dtype=np.int64), LABELS) == ()
