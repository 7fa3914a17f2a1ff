"""Calibration against torchmetrics and scikit-learn, and on cases that can be worked out by hand."""

import numpy as np
import pytest

from finetrail.targets.calibration import calibration
from finetrail.targets.classes.metrics import log_softmax

SURE = log_softmax(1e6 * np.eye(3))


def test_equal_to_torchmetrics_and_scikit_learn() -> None:
    import torch
    from sklearn.metrics import brier_score_loss, log_loss
    from torchmetrics.functional.classification import multiclass_calibration_error

    rng = np.random.default_rng(0)
    probabilities = np.exp(log_softmax(rng.normal(size=(800, 5)) * 2))
    y_true = rng.integers(0, 5, 800)
    ours = calibration(np.log(probabilities), y_true)
    ece = multiclass_calibration_error(torch.from_numpy(probabilities), torch.from_numpy(y_true), 5, n_bins=15)
    assert ours.ece == pytest.approx(float(ece), abs=1e-6)
    brier = brier_score_loss(y_true, probabilities, labels=list(range(5)), scale_by_half=False)
    assert ours.brier == pytest.approx(brier)
    assert ours.nll == pytest.approx(log_loss(y_true, probabilities, labels=list(range(5))))
    assert ours.accuracy == pytest.approx((probabilities.argmax(axis=1) == y_true).mean())
    assert sum(one.rows for one in ours.bins) == 800
    assert sum(one.rows * one.confidence for one in ours.bins) / 800 == pytest.approx(ours.confidence)


def test_certain_and_right_is_perfect() -> None:
    ours = calibration(SURE, np.arange(3))
    assert (ours.ece, ours.brier, ours.bins[-1].rows) == (0.0, 0.0, 3)


def test_certain_and_wrong_is_worst() -> None:
    ours = calibration(SURE, np.array([1, 2, 0]))
    assert (ours.ece, ours.brier) == (1.0, 2.0)


def test_a_confidence_on_an_edge_belongs_to_the_lower_bin() -> None:
    ours = calibration(np.log(np.array([[0.5, 0.5]])), np.array([0]), bins=2)
    assert [one.rows for one in ours.bins] == [1, 0]
