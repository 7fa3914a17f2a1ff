"""Alignments against other implementations and their definitions, and what they teach a network."""

import math

import pytest
import torch
from torch import Tensor, nn

from finetrail.training.alignment.adversary import Discriminator, domain_loss, reverse
from finetrail.training.alignment.alignment import Alignment, Domain
from finetrail.training.alignment.cdan import MAPPED, Cdan
from finetrail.training.alignment.coral import Coral
from finetrail.training.alignment.dann import Dann
from finetrail.training.alignment.mmd import Mmd
from finetrail.training.alignment.strength import constant, rising

torch.set_num_threads(1)  # networks this small only wait for a second one

SOURCE = torch.sin(torch.arange(20.0)).reshape(5, 4)
TARGET = (torch.cos(torch.arange(16.0)) + 0.5).reshape(4, 4)
METHODS = ("mmd", "coral", "dann", "cdan")


def _alignment(method: str, weight: float = 1.0, width: int = 4, classes: int = 3) -> Alignment:
    torch.manual_seed(0)
    strength = constant(weight)
    if method == "dann":
        return Dann(strength, width)
    if method == "cdan":
        return Cdan(strength, width, classes)
    return {"mmd": Mmd, "coral": Coral}[method](strength)


def _domain(features: Tensor, classes: int = 3) -> Domain:
    return Domain(features, features[:, :classes] * 2)


def test_mmd_and_coral_agree_with_pytorch_adapt() -> None:
    """pytorch-adapt 0.0.83 gives the numbers below, where `median` is that of the squared distances of all pairs:

    scales = torch.tensor([1 / (2 * part) for part in (0.25, 0.5, 1, 2, 4)])
    MMDLoss(kernel_scales=scales, mmd_type="quadratic", bandwidth=median)(source, target)
    CORALLoss()(source, target)
    """
    found = {method: _alignment(method)(_domain(SOURCE), _domain(TARGET), 1.0) for method in ("mmd", "coral")}
    assert found["mmd"].item() == pytest.approx(-0.00421750545501709, rel=1e-4)
    assert found["coral"].item() == pytest.approx(0.003784716594964266, rel=1e-5)


def test_the_reversed_gradient_is_the_gradient_times_minus_the_strength() -> None:
    torch.manual_seed(0)
    discriminator = Discriminator(4, 8)
    features = SOURCE.clone().requires_grad_()
    weights = list(discriminator.parameters())
    plain = torch.autograd.grad(domain_loss(discriminator, features, TARGET), [features, *weights])
    turned = torch.autograd.grad(domain_loss(discriminator, reverse(features, 0.3), TARGET), [features, *weights])
    torch.testing.assert_close(turned[0], -0.3 * plain[0])
    torch.testing.assert_close(turned[1:], plain[1:])  # the discriminator learns at full strength


def test_the_loss_of_domains_is_the_mean_of_the_two() -> None:
    logits = torch.tensor([[2.0], [-1.0], [0.5]])
    expected = (sum(math.log1p(math.exp(-one)) for one in (2.0, -1.0)) / 2 + math.log1p(math.exp(0.5))) / 2
    assert domain_loss(nn.Identity(), logits[:2], logits[2:]).item() == pytest.approx(expected)


def test_cdan_reads_each_feature_times_each_answer() -> None:
    alignment = _alignment("cdan")
    seen: list[Tensor] = []
    alignment.get_submodule("discriminator").register_forward_pre_hook(lambda _, given: seen.append(given[0]))
    domain = _domain(SOURCE)
    alignment(domain, _domain(TARGET), 1.0)
    answers = domain.logits.softmax(dim=1)
    expected = [torch.outer(answer, row).flatten() for answer, row in zip(answers, SOURCE, strict=True)]
    torch.testing.assert_close(seen[0], torch.stack(expected))


def test_a_random_map_keeps_the_products_of_wide_features() -> None:
    generator = torch.Generator().manual_seed(0)
    features, logits = torch.randn(2, 900, generator=generator), torch.randn(2, 5, generator=generator)
    alignment = _alignment("cdan", width=900, classes=5)
    assert isinstance(alignment, Cdan)
    seen: list[Tensor] = []
    alignment.discriminator.register_forward_pre_hook(lambda _, given: seen.append(given[0]))
    alignment(Domain(features, logits), Domain(features, logits), 1.0)
    assert seen[0].shape == (2, MAPPED)
    answers = logits.softmax(dim=1)
    expected = (features @ features.T) * (answers @ answers.T)
    # The expectation of the mapped products is that of the products themselves (Long et al. 2018, theorem 1).
    torch.testing.assert_close(seen[0] @ seen[0].T, expected, rtol=0.25, atol=10.0)
    assert {"feature_map", "answer_map"} <= alignment.state_dict().keys()


@pytest.mark.parametrize("method", METHODS)
def test_the_gradient_of_the_features_is_that_of_finite_differences_times_the_strength(method: str) -> None:
    weight = 0.5
    alignment = _alignment(method, weight)
    features = TARGET.clone().requires_grad_()
    [gradient] = torch.autograd.grad(alignment(_domain(SOURCE), Domain(features, TARGET[:, :3]), 1.0), features)
    step = 1e-2
    for place in [(0, 0), (2, 3)]:
        moved = []
        for sign in (1, -1):
            other = TARGET.clone()
            other[place] += sign * step
            moved.append(alignment(_domain(SOURCE), Domain(other, TARGET[:, :3]), 1.0).item())
        slope = (moved[0] - moved[1]) / (2 * step)
        # The discriminators' own loss has no weight, and the network goes against it; MMD's bandwidth moves a little.
        expected = -weight * slope if method in ("dann", "cdan") else slope
        assert gradient[place].item() == pytest.approx(expected, rel=0.15, abs=1e-4)


@pytest.mark.parametrize("method", METHODS)
def test_a_network_learns_to_hide_the_domain(method: str) -> None:
    """The target is the source, moved and stretched, and the network may move and stretch it back."""
    generator = torch.Generator().manual_seed(1)
    source, target = torch.randn(2, 64, 2, generator=generator).unbind()
    target = target * 2 + torch.tensor([2.0, 0.0])
    alignment = _alignment(method, 1.0, width=2, classes=2)
    scale, move = nn.Parameter(torch.ones(2)), nn.Parameter(torch.zeros(2))
    optimizer = torch.optim.Adam([scale, move, *alignment.parameters()], lr=0.03)
    found = []
    for _ in range(120):
        optimizer.zero_grad()
        moved = target * scale + move
        alignment(*(Domain(rows, torch.zeros(64, 2)) for rows in (source, moved)), 1.0).backward()
        optimizer.step()
        found.append(moved.detach())
    if method == "coral":  # covariances say nothing of where the means are
        assert (found[-1].std(dim=0) - source.std(dim=0)).abs().max() < 0.3
    else:  # from 2; against a discriminator the network goes back and forth
        assert abs(float(torch.stack(found[60:]).mean(dim=(0, 1))[0] - source.mean(dim=0)[0])) < 1.0


@pytest.mark.parametrize("method", METHODS)
def test_a_single_example_still_has_a_loss(method: str) -> None:
    features = SOURCE[:1].clone().requires_grad_()
    loss = _alignment(method)(Domain(features, SOURCE[:1, :3]), _domain(TARGET[:1]), 1.0)
    loss.backward()
    assert loss.isfinite()
    assert features.grad is not None
    assert features.grad.isfinite().all()


@pytest.mark.parametrize("method", METHODS)
def test_features_that_are_all_alike_have_a_gradient(method: str) -> None:
    features = torch.ones(4, 4, requires_grad=True)
    _alignment(method)(Domain(features, torch.zeros(4, 3)), _domain(torch.ones(3, 4)), 1.0).backward()
    assert features.grad is not None
    assert features.grad.isfinite().all()


def test_strength_rises_as_ganin_has_it() -> None:
    strength = rising(2.0)
    assert strength(0.0) == 0.0
    assert strength(0.1) == pytest.approx(2 * (2 / (1 + math.exp(-1)) - 1))
    assert strength(1.0) == pytest.approx(2.0, abs=1e-3)
    assert [constant(0.3)(progress) for progress in (0.0, 1.0)] == [0.3, 0.3]
