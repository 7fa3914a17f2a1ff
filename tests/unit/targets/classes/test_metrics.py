"""The metrics against scikit-learn and torchmetrics, and the laws they obey."""

from random import Random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from finetrail.evaluation.scores.bootstrap import Ints
from finetrail.targets import classes as target
from finetrail.targets.classes.metrics import (
    FORMULAS,
    confusion_matrix,
    count,
    cross_entropy,
    log_softmax,
    per_class,
    scores,
)


def _answers(classes: int, rows: int, seed: int = 0) -> tuple[Ints, Ints]:
    rng = np.random.default_rng(seed)
    return rng.integers(0, classes, rows), rng.integers(0, classes, rows)


# Few rows and many classes: some classes have no row or no prediction, where the conventions of libraries part.
@pytest.mark.parametrize(("classes", "rows"), [(2, 1), (2, 50), (5, 4), (20, 30), (20, 2000)])
def test_equal_to_scikit_learn(classes: int, rows: int) -> None:
    from sklearn import metrics as sk

    y_true, y_pred = _answers(classes, rows)
    labels = list(range(classes))
    confusion = confusion_matrix(y_true, y_pred, classes)
    np.testing.assert_array_equal(confusion, sk.confusion_matrix(y_true, y_pred, labels=labels))
    precision, recall, f1, support = sk.precision_recall_fscore_support(y_true, y_pred, labels=labels, zero_division=0)
    ours = per_class(count(confusion))
    np.testing.assert_allclose(ours.precision, precision)
    np.testing.assert_allclose(ours.recall, recall)
    np.testing.assert_allclose(ours.f1, f1)
    np.testing.assert_array_equal(ours.support, support)
    assert scores(y_true, y_pred, classes) == pytest.approx(
        {
            "accuracy": sk.accuracy_score(y_true, y_pred),
            "macro_precision": precision.mean(),
            "macro_recall": recall.mean(),
            "macro_f1": f1.mean(),
        }
    )


def test_equal_to_torchmetrics_where_every_class_has_rows() -> None:
    import torch
    from torchmetrics.functional import classification as tm

    y_true, y_pred = _answers(7, 500)
    true, predicted = torch.from_numpy(y_true), torch.from_numpy(y_pred)
    ours = scores(y_true, y_pred, 7)
    expected = {
        "accuracy": tm.multiclass_accuracy(predicted, true, 7, average="micro"),
        "macro_precision": tm.multiclass_precision(predicted, true, 7),
        "macro_recall": tm.multiclass_recall(predicted, true, 7),
        "macro_f1": tm.multiclass_f1_score(predicted, true, 7),
    }
    assert ours == pytest.approx({name: float(value) for name, value in expected.items()}, abs=1e-6)


def test_cross_entropy_equals_torch_and_survives_huge_logits() -> None:
    import torch

    logits = np.random.default_rng(0).normal(size=(50, 6)) * 400
    y_true, _ = _answers(6, 50)
    expected = torch.nn.functional.cross_entropy(torch.from_numpy(logits), torch.from_numpy(y_true))
    assert cross_entropy(logits, y_true) == pytest.approx(float(expected))
    assert np.isfinite(log_softmax(logits)).all()


def test_a_label_beyond_the_classes_is_refused() -> None:
    with pytest.raises(ValueError, match=r"labels span 0 to 3, but there are 3 classes \(0 to 2\)"):
        confusion_matrix(np.array([0, 3]), np.array([0, 1]), 3)


answers = st.integers(2, 6).flatmap(
    lambda classes: st.tuples(
        st.just(classes),
        st.lists(st.tuples(st.integers(0, classes - 1), st.integers(0, classes - 1)), min_size=1, max_size=40),
    )
)


@given(answers, st.randoms(use_true_random=False))
def test_confusion_sums_to_the_rows_and_ignores_their_order(
    drawn: tuple[int, list[tuple[int, int]]], random: Random
) -> None:
    classes, pairs = drawn
    y_true, y_pred = np.array(pairs).T
    confusion = confusion_matrix(y_true, y_pred, classes)
    assert confusion.sum() == len(pairs)
    np.testing.assert_array_equal(confusion.sum(axis=1), np.bincount(y_true, minlength=classes))
    np.testing.assert_array_equal(confusion.sum(axis=0), np.bincount(y_pred, minlength=classes))
    random.shuffle(pairs)
    np.testing.assert_array_equal(confusion, confusion_matrix(np.array(pairs)[:, 0], np.array(pairs)[:, 1], classes))


@given(answers, st.randoms(use_true_random=False))
def test_metrics_lie_in_the_unit_interval_and_ignore_the_names_of_classes(
    drawn: tuple[int, list[tuple[int, int]]], random: Random
) -> None:
    classes, pairs = drawn
    y_true, y_pred = np.array(pairs).T
    renamed = list(range(classes))
    random.shuffle(renamed)
    mapping = np.array(renamed)
    ours = scores(y_true, y_pred, classes)
    assert all(0.0 <= value <= 1.0 for value in ours.values())
    assert ours == pytest.approx(scores(mapping[y_true], mapping[y_pred], classes))


def test_right_answers_score_one_if_every_class_has_rows() -> None:
    y = np.arange(9) % 3
    assert scores(y, y, 3) == dict.fromkeys(FORMULAS, 1.0)


def test_the_metrics_are_those_that_the_target_names() -> None:
    assert list(FORMULAS) == [metric.name for metric in target.METRICS]
