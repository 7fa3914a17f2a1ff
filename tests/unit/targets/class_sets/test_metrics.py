"""Metrics of sets of classes: scikit-learn's values, for one set of rows and for resamples of them."""

import time
from collections.abc import Mapping

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as sk

from finetrail.targets.class_sets.metrics import NAMES, per_class, scores, weighted_scores
from finetrail.targets.class_sets.ranking import Bools, Floats, Ints
from tests.unit.targets.class_sets.answers import ANSWERS, Answers, answers, take


def expected(actual: Bools, predicted: Bools, probabilities: Floats, weights: Ints | None = None) -> dict[str, float]:
    """By scikit-learn, but for the two conventions that differ."""
    drawn = np.ones(len(actual), dtype=np.int64) if weights is None else weights
    given_: Mapping[str, object] = {"sample_weight": weights, "zero_division": 0}
    empty = ~actual.any(axis=1) & ~predicted.any(axis=1)
    # Two columns more, without rows: scikit-learn takes one column for the two classes of a binary problem.
    wide = [np.pad(column.astype(int), ((0, 0), (0, 2))) for column in (actual, predicted)]
    classes = list(range(actual.shape[1]))
    average = [
        sk.average_precision_score(actual[:, k], probabilities[:, k], sample_weight=weights)
        for k in classes
        if drawn[actual[:, k]].any()
    ]
    return {
        "subset_accuracy": sk.accuracy_score(*wide, sample_weight=weights),
        "hamming_loss": sk.hamming_loss(*wide, sample_weight=weights) * (len(classes) + 2) / len(classes),
        "samples_f1": sk.f1_score(*wide, average="samples", **given_) + float(drawn[empty].sum() / drawn.sum()),
        "micro_f1": sk.f1_score(*wide, average="micro", **given_),
        "macro_f1": sk.f1_score(*wide, average="macro", labels=classes, **given_),
        "mean_average_precision": float(np.mean(average)) if average else 0.0,
    }


@given(ANSWERS)
def test_the_values_are_those_of_sklearn(found: Answers) -> None:
    assert scores(*found) == pytest.approx(expected(*found), abs=1e-12)


@settings(max_examples=50)
@given(ANSWERS, st.integers(0, 10**6))
def test_a_resample_scores_as_sklearn_with_weights_and_as_the_rows_that_it_repeats(found: Answers, seed: int) -> None:
    rows = len(found[0])
    counts = np.random.default_rng(seed).multinomial(rows, np.full(rows, 1 / rows), size=4)
    values = weighted_scores(counts, *found)
    for resample, drawn in enumerate(counts):
        one = {name: of_all[resample] for name, of_all in values.items()}
        assert one == pytest.approx(expected(*found, drawn), abs=1e-12)
        assert one == pytest.approx(scores(*take(found, np.repeat(np.arange(rows), drawn))), abs=1e-12)


def test_a_row_without_classes_that_was_answered_with_none_counts_1_where_sklearn_counts_0() -> None:
    actual = np.array([[True, False], [False, False], [False, False]])
    predicted = np.array([[True, False], [False, False], [True, False]])
    found = scores(actual, predicted, predicted.astype(np.float64))
    assert found["samples_f1"] == pytest.approx((1 + 1 + 0) / 3)
    assert sk.f1_score(actual, predicted, average="samples", zero_division=0) == pytest.approx(1 / 3)
    assert found["subset_accuracy"] == pytest.approx(2 / 3)


def test_a_class_without_rows_is_left_out_of_the_mean_average_precision_alone() -> None:
    actual = np.array([[True, False], [False, False]])
    found = scores(actual, actual, actual.astype(np.float64))
    assert found["mean_average_precision"] == 1
    assert found["macro_f1"] == 0.5
    nothing = np.zeros((3, 2), dtype=bool)
    assert scores(nothing, nothing, np.zeros((3, 2))) == {
        "subset_accuracy": 1,
        "hamming_loss": 0,
        "samples_f1": 1,
        "micro_f1": 0,
        "macro_f1": 0,
        "mean_average_precision": 0,
    }


@given(ANSWERS)
def test_the_metrics_of_each_class_are_those_of_sklearn(found: Answers) -> None:
    actual, predicted, probabilities = found
    made = per_class(actual, predicted, probabilities)
    for k in range(actual.shape[1]):
        of_class = (actual[:, k], predicted[:, k])
        assert made.precision[k] == pytest.approx(sk.precision_score(*of_class, zero_division=0))
        assert made.recall[k] == pytest.approx(sk.recall_score(*of_class, zero_division=0))
        assert made.f1[k] == pytest.approx(sk.f1_score(*of_class, zero_division=0))
        assert made.support[k] == actual[:, k].sum()
        ranked = sk.average_precision_score(actual[:, k], probabilities[:, k]) if actual[:, k].any() else 0
        assert made.average_precision[k] == pytest.approx(ranked, abs=1e-12)


def test_the_order_of_the_rows_and_the_size_of_a_block_change_nothing() -> None:
    found = answers(60, 4, 0)
    rng = np.random.default_rng(1)
    counts = rng.multinomial(60, np.full(60, 1 / 60), size=50)
    first = weighted_scores(counts, *found)
    other = rng.permutation(60)
    # 7 resamples at once, and 1 in the last block.
    second = weighted_scores(counts[:, other], *take(found, other), block=60 * 7)
    assert tuple(first) == tuple(second) == NAMES
    for name in NAMES:
        np.testing.assert_allclose(first[name], second[name], rtol=1e-12)


def test_shapes_that_do_not_fit_are_refused_before_numpy_broadcasts_them() -> None:
    actual, predicted, probabilities = answers(5, 3, 0)
    with pytest.raises(ValueError, match=r"shapes \(1, 5\), \(5, 3\), \(5, 1\), \(5, 3\) do not fit"):
        weighted_scores(np.ones((1, 5), dtype=np.int64), actual, predicted[:, :1], probabilities)
    with pytest.raises(ValueError, match=r"shapes \(1, 4\)"):
        weighted_scores(np.ones((1, 4), dtype=np.int64), actual, predicted, probabilities)


def test_a_thousand_resamples_of_2000_rows_and_20_classes_take_seconds() -> None:
    found = answers(2000, 20, 0, levels=10**6)
    counts = np.random.default_rng(0).multinomial(2000, np.full(2000, 1 / 2000), size=1000)
    started = time.process_time()
    weighted_scores(counts, *found)
    assert time.process_time() - started < 10  # of two cores; a loop over resamples takes minutes
