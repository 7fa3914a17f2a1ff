"""Binary cross-entropy over the classes: plain, weighted and of mixed batches."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from finetrail.models.network import Batch
from finetrail.targets.class_sets.losses import MOST_WEIGHT, binary_cross_entropy, positive_weights

LOGITS = torch.tensor([[2.0, 0.0, -1.0], [0.5, -3.0, 0.5], [-1.0, 3.0, 0.0], [1.0, 2.0, 30.0]])
TARGETS = torch.tensor([[1.0, 0.0, 1.0], [0.0, 0.0, 0.0], [1.0, 1.0, 1.0], [0.0, 1.0, 0.0]])
WEIGHTS = torch.tensor([0.5, 1.0, 20.0])
PARTNERS, SHARES = TARGETS[[3, 2, 1, 0]], torch.tensor([1.0, 0.75, 0.25, 0.0])
MIXED = {"targets_of_partner": PARTNERS, "targets_share": SHARES}


def by_hand(logits: torch.Tensor, targets: torch.Tensor, weights: torch.Tensor | None) -> torch.Tensor:
    """The loss of each example and class, (B, K)."""
    wide = logits.double()
    said = targets * torch.log(torch.sigmoid(wide)) * (1 if weights is None else weights)
    return -(said + (1 - targets) * torch.log(torch.sigmoid(-wide))).float()


@pytest.mark.parametrize("weights", [None, WEIGHTS])
def test_the_loss_is_the_mean_over_classes_and_examples(weights: torch.Tensor | None) -> None:
    found = binary_cross_entropy(weights)(LOGITS, {"targets": TARGETS})
    torch.testing.assert_close(found, by_hand(LOGITS, TARGETS, weights).mean())


@pytest.mark.parametrize("weights", [None, WEIGHTS])
def test_a_mixed_example_counts_for_both_sets_by_their_shares(weights: torch.Tensor | None) -> None:
    loss = binary_cross_entropy(weights)
    own, others = by_hand(LOGITS, TARGETS, weights), by_hand(LOGITS, PARTNERS, weights)
    expected = (SHARES[:, None] * own + (1 - SHARES[:, None]) * others).mean()
    torch.testing.assert_close(loss(LOGITS, {"targets": TARGETS, **MIXED}), expected)
    whole = {"targets": TARGETS, "targets_of_partner": PARTNERS, "targets_share": torch.ones(4)}
    torch.testing.assert_close(loss(LOGITS, whole), loss(LOGITS, {"targets": TARGETS}), rtol=0, atol=0)


@pytest.mark.parametrize("weights", [None, WEIGHTS])
@pytest.mark.parametrize("mixed", [{}, MIXED])
@pytest.mark.parametrize("cut", [1, 2, 3])
def test_two_small_batches_are_as_one_large(weights: torch.Tensor | None, mixed: Batch, cut: int) -> None:
    loss, batch = binary_cross_entropy(weights), {"targets": TARGETS, **mixed}
    parts = [
        len(LOGITS[part]) * loss(LOGITS[part], {key: value[part] for key, value in batch.items()})
        for part in (slice(None, cut), slice(cut, None))
    ]
    torch.testing.assert_close((parts[0] + parts[1]) / 4, loss(LOGITS, batch))


def test_the_gradient_is_what_is_said_too_much() -> None:
    logits = LOGITS.clone().requires_grad_()
    (found,) = torch.autograd.grad(binary_cross_entropy()(logits, {"targets": TARGETS}), logits)
    torch.testing.assert_close(found, (torch.sigmoid(LOGITS) - TARGETS) / LOGITS.numel())


def test_extreme_logits_have_a_finite_loss() -> None:
    logits = torch.tensor([[1e4, -1e4]])
    assert binary_cross_entropy(WEIGHTS[:2])(logits, {"targets": torch.tensor([[1.0, 0.0]])}) == 0
    assert binary_cross_entropy()(logits, {"targets": torch.tensor([[0.0, 1.0]])}) == 1e4


@given(st.integers(1, 40), st.integers(0, 10**6))
def test_balanced_weights_make_both_answers_count_the_same(rows: int, seed: int) -> None:
    actual = np.random.default_rng(seed).random((rows, 4)) < 0.3
    weights = positive_weights("balanced", actual)
    assert weights is not None
    for weight, positives in zip(weights.tolist(), actual.sum(axis=0).tolist(), strict=True):
        if 0 < positives < rows:
            assert weight * positives == pytest.approx(rows - positives)


def test_weights_are_clipped_where_a_class_is_on_almost_no_row_or_on_almost_all() -> None:
    actual = np.zeros((1000, 5), dtype=bool)
    for k, positives in enumerate([0, 1, 10, 999, 1000]):
        actual[:positives, k] = True
    weights = positive_weights("balanced", actual)
    assert weights is not None
    assert weights.dtype == torch.float32
    assert weights.tolist() == pytest.approx([MOST_WEIGHT, MOST_WEIGHT, 99, 1 / MOST_WEIGHT, 1 / MOST_WEIGHT])
    assert positive_weights(None, actual) is None
