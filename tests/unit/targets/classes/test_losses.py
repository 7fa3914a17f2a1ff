"""What a classifier makes small: for plain batches, smoothed, weighted and mixed ones."""

from collections.abc import Callable
from functools import partial

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor
from torch.nn import functional
from torchvision.ops import sigmoid_focal_loss

from finetrail.models.network import Batch
from finetrail.targets.classes.losses import class_weights, cross_entropy, focal
from finetrail.targets.learning import Loss

LOGITS = torch.tensor([[2.0, 0.0, -1.0], [0.5, 0.5, 0.5], [-1.0, 3.0, 0.0], [1.0, 2.0, 3.0]])
TARGETS = torch.tensor([0, 2, 1, 1])
WEIGHTS = torch.tensor([0.5, 1.0, 2.0])
MIXED = {"targets_of_partner": TARGETS[[3, 2, 1, 0]], "targets_share": torch.full((4,), 0.3)}


def of(targets: Tensor, mixed: Batch | None = None) -> Batch:
    """A batch as the loss reads it."""
    return {"targets": targets} | (mixed or {})


def test_a_plain_batch_has_the_mean_negative_log_likelihood() -> None:
    expected = -torch.log_softmax(LOGITS, 1)[range(4), TARGETS].mean()
    torch.testing.assert_close(cross_entropy()(LOGITS, of(TARGETS)), expected)


def test_smoothing_spreads_its_share_over_all_classes() -> None:
    logs = -torch.log_softmax(LOGITS, 1)
    expected = (0.9 * logs[range(4), TARGETS] + 0.1 * logs.mean(1)).mean()
    torch.testing.assert_close(cross_entropy(0.1)(LOGITS, of(TARGETS)), expected)


def test_a_class_counts_by_its_weight_also_when_it_is_alone_in_a_batch() -> None:
    loss = cross_entropy(class_weights=WEIGHTS)
    logs = -torch.log_softmax(LOGITS, 1)[range(4), TARGETS]
    torch.testing.assert_close(loss(LOGITS, of(TARGETS)), (logs * WEIGHTS[TARGETS]).mean())
    torch.testing.assert_close(loss(LOGITS[:1], of(TARGETS[:1])), 0.5 * logs[0])
    halves = (loss(LOGITS[:2], of(TARGETS[:2])) + loss(LOGITS[2:], of(TARGETS[2:]))) / 2
    torch.testing.assert_close(halves, loss(LOGITS, of(TARGETS)))


@pytest.mark.parametrize("build", [cross_entropy, partial(focal, 2.0)])
@pytest.mark.parametrize("weights", [None, WEIGHTS])
@pytest.mark.parametrize("smoothing", [0.0, 0.2])
def test_a_mixed_example_counts_for_both_of_its_classes(
    build: Callable[..., Loss], weights: torch.Tensor | None, smoothing: float
) -> None:
    loss = build(smoothing, weights)
    partner, share = torch.tensor([3, 2, 1, 0]), torch.tensor([1.0, 0.75, 0.25, 0.0])
    expected = sum(
        share[at] * loss(LOGITS[[at]], of(TARGETS[[at]]))
        + (1 - share[at]) * loss(LOGITS[[at]], of(TARGETS[partner[at]].view(1)))
        for at in range(4)
    )
    mixed = loss(LOGITS, of(TARGETS, {"targets_of_partner": TARGETS[partner], "targets_share": share}))
    torch.testing.assert_close(mixed, torch.as_tensor(expected) / 4)
    whole = loss(LOGITS, of(TARGETS, {"targets_of_partner": TARGETS[partner], "targets_share": torch.ones(4)}))
    torch.testing.assert_close(whole, loss(LOGITS, of(TARGETS)))


@pytest.mark.parametrize("mixed", [None, MIXED])
@pytest.mark.parametrize("weights", [None, WEIGHTS])
@pytest.mark.parametrize("smoothing", [0.0, 0.2])
def test_focal_loss_without_a_focus_is_cross_entropy(
    mixed: Batch | None, weights: torch.Tensor | None, smoothing: float
) -> None:
    found = focal(0.0, smoothing, weights)(LOGITS, of(TARGETS, mixed))
    torch.testing.assert_close(found, cross_entropy(smoothing, weights)(LOGITS, of(TARGETS, mixed)), rtol=0, atol=1e-6)


@pytest.mark.parametrize("smoothing", [0.0, 0.2])
def test_focal_loss_is_the_papers_for_every_class_that_has_a_share(smoothing: float) -> None:
    shares = torch.full((4, 3), smoothing / 3) + (1 - smoothing) * functional.one_hot(TARGETS, 3)
    chances = torch.softmax(LOGITS.double(), 1)
    expected = -(shares * WEIGHTS * (1 - chances) ** 1.5 * chances.log()).sum(1).mean()
    found = focal(1.5, smoothing, WEIGHTS)(LOGITS, of(TARGETS))
    torch.testing.assert_close(found, expected.float())


@pytest.mark.parametrize("alpha", [-1, 0.25])
@pytest.mark.parametrize("gamma", [0.5, 2.0])
def test_focal_loss_of_two_classes_is_torchvisions(gamma: float, alpha: float) -> None:
    """With logits of 0 and z softmax gives the second class sigmoid(z); alpha weighs that class."""
    z, targets = torch.tensor([-3.0, -0.1, 0.0, 2.0, 8.0]), torch.tensor([1, 0, 1, 1, 0])
    weights = None if alpha < 0 else torch.tensor([1 - alpha, alpha])
    expected = sigmoid_focal_loss(z, targets.float(), alpha, gamma, reduction="mean")
    found = focal(gamma, class_weights=weights)(torch.stack((torch.zeros(5), z), 1), of(targets))
    torch.testing.assert_close(found, expected)


@pytest.mark.parametrize("gamma", [0.0, 0.5, 1.0, 2.0])
@pytest.mark.parametrize("target", [0, 1])
def test_focal_loss_has_a_gradient_also_where_the_model_is_sure(gamma: float, target: int) -> None:
    logits = torch.tensor([[200.0, 0.0, -200.0]], requires_grad=True)
    value = focal(gamma, 0.1)(logits, of(torch.tensor([target])))
    value.backward()  # type: ignore[no-untyped-call]
    assert logits.grad is not None
    assert logits.grad.isfinite().all()
    assert value.isfinite()


@given(st.lists(st.integers(0, 4), max_size=60))
def test_balanced_classes_count_the_same_in_all(more: list[int]) -> None:
    targets = np.array([0, 1, 2, 3, 4, *more])
    weights = class_weights("balanced", targets, 5)
    assert weights is not None
    sums = [float(weights[number] * (targets == number).sum()) for number in range(5)]
    assert sums == pytest.approx([len(targets) / 5] * 5)
    assert float(weights[targets].mean()) == pytest.approx(1)


@given(st.lists(st.integers(1, 5000), min_size=2, max_size=5))
def test_effective_weights_are_the_papers_with_a_mean_of_1(counts: list[int]) -> None:
    targets = np.repeat(np.arange(len(counts)), counts)
    weights = class_weights("effective", targets, len(counts))
    assert weights is not None
    # The sum of a geometric series: what the n-th row adds is 0.999 times what the one before it added.
    numbers = [sum(0.999**row for row in range(count)) for count in counts]
    products = [float(weight) * number for weight, number in zip(weights, numbers, strict=True)]
    assert products == pytest.approx([products[0]] * len(counts), rel=1e-4)
    assert float(weights.double()[targets].mean()) == pytest.approx(1, rel=1e-5)


def test_a_class_with_few_rows_weighs_more_but_less_than_balanced() -> None:
    targets = np.repeat([0, 1], [20000, 200])
    effective, balanced = class_weights("effective", targets, 2), class_weights("balanced", targets, 2)
    assert effective is not None
    assert balanced is not None
    assert 1 < effective[1] / effective[0] < 10 < balanced[1] / balanced[0]


def test_without_a_method_there_are_no_weights() -> None:
    assert class_weights(None, np.array([0, 1]), 2) is None
