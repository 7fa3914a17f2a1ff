"""What training makes small: for plain batches, smoothed, weighted and mixed ones."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from finetrail.models.losses import balanced_weights, cross_entropy

LOGITS = torch.tensor([[2.0, 0.0, -1.0], [0.5, 0.5, 0.5], [-1.0, 3.0, 0.0], [1.0, 2.0, 3.0]])
TARGETS = torch.tensor([0, 2, 1, 1])
WEIGHTS = torch.tensor([0.5, 1.0, 2.0])


def test_a_plain_batch_has_the_mean_negative_log_likelihood() -> None:
    expected = -torch.log_softmax(LOGITS, 1)[range(4), TARGETS].mean()
    torch.testing.assert_close(cross_entropy()(LOGITS, TARGETS, {}), expected)


def test_smoothing_spreads_its_share_over_all_classes() -> None:
    logs = -torch.log_softmax(LOGITS, 1)
    expected = (0.9 * logs[range(4), TARGETS] + 0.1 * logs.mean(1)).mean()
    torch.testing.assert_close(cross_entropy(0.1)(LOGITS, TARGETS, {}), expected)


def test_a_class_counts_by_its_weight_also_when_it_is_alone_in_a_batch() -> None:
    loss = cross_entropy(class_weights=WEIGHTS)
    logs = -torch.log_softmax(LOGITS, 1)[range(4), TARGETS]
    torch.testing.assert_close(loss(LOGITS, TARGETS, {}), (logs * WEIGHTS[TARGETS]).mean())
    torch.testing.assert_close(loss(LOGITS[:1], TARGETS[:1], {}), 0.5 * logs[0])
    halves = (loss(LOGITS[:2], TARGETS[:2], {}) + loss(LOGITS[2:], TARGETS[2:], {})) / 2
    torch.testing.assert_close(halves, loss(LOGITS, TARGETS, {}))


@pytest.mark.parametrize("weights", [None, WEIGHTS])
@pytest.mark.parametrize("smoothing", [0.0, 0.2])
def test_a_mixed_example_counts_for_both_of_its_classes(weights: torch.Tensor | None, smoothing: float) -> None:
    loss = cross_entropy(smoothing, weights)
    partner, share = torch.tensor([3, 2, 1, 0]), torch.tensor([1.0, 0.75, 0.25, 0.0])
    expected = sum(
        share[at] * loss(LOGITS[[at]], TARGETS[[at]], {})
        + (1 - share[at]) * loss(LOGITS[[at]], TARGETS[partner[at]].view(1), {})
        for at in range(4)
    )
    mixed = loss(LOGITS, TARGETS, {"partner": partner, "share": share})
    torch.testing.assert_close(mixed, torch.as_tensor(expected) / 4)
    whole = loss(LOGITS, TARGETS, {"partner": partner, "share": torch.ones(4)})
    torch.testing.assert_close(whole, loss(LOGITS, TARGETS, {}))


@given(st.lists(st.integers(0, 4), max_size=60))
def test_balanced_classes_count_the_same_in_all(more: list[int]) -> None:
    targets = np.array([0, 1, 2, 3, 4, *more])
    weights = balanced_weights(targets, 5)
    sums = [float(weights[number] * (targets == number).sum()) for number in range(5)]
    assert sums == pytest.approx([len(targets) / 5] * 5)
    assert float(weights[targets].mean()) == pytest.approx(1)
