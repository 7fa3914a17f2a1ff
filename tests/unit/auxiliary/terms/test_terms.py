"""Alignments against another implementation and their definitions, and what they teach a network."""

import math
from collections.abc import Callable
from typing import NamedTuple

import pytest
import torch
from torch import Tensor, nn

from finetrail.auxiliary.coral import coral
from finetrail.auxiliary.terms.adversary import Discriminator, domain_loss, reverse
from finetrail.auxiliary.terms.cdan import MAPPED, ConditionalAdversary
from finetrail.auxiliary.terms.dann import DomainAdversary
from finetrail.auxiliary.terms.discrepancy import discrepancy

torch.set_num_threads(1)  # networks this small only wait for a second one

SOURCE = torch.sin(torch.arange(20.0)).reshape(5, 4)
TARGET = (torch.cos(torch.arange(16.0)) + 0.5).reshape(4, 4)
METHODS = ("mmd", "dann", "cdan")


class Made(NamedTuple):
    """What a network makes of examples."""

    features: Tensor
    outputs: Tensor
    plain: Tensor = torch.empty(0)


Compared = Callable[[Made, Made], Tensor]


def _term(method: str, width: int = 4, classes: int = 3) -> tuple[Compared, list[nn.Parameter]]:
    """The loss of two domains, and what trains to compute it."""
    if method == "mmd":
        return (lambda source, target: discrepancy(source.features, target.features)), []
    torch.manual_seed(0)
    made = DomainAdversary(width) if method == "dann" else ConditionalAdversary(width, classes)
    return made, list(made.parameters())


def _made(features: Tensor, classes: int = 3) -> Made:
    return Made(features, features[:, :classes] * 2)


def test_mmd_and_coral_agree_with_pytorch_adapt() -> None:
    """pytorch-adapt 0.0.83 gives the numbers below, where `median` is that of the squared distances of all pairs:

    scales = torch.tensor([1 / (2 * part) for part in (0.25, 0.5, 1, 2, 4)])
    MMDLoss(kernel_scales=scales, mmd_type="quadratic", bandwidth=median)(source, target)
    CORALLoss()(source, target)
    """
    found = coral(_made(SOURCE), _made(TARGET))
    assert found.item() == pytest.approx(0.003784716594964266, rel=1e-5)
    assert discrepancy(SOURCE, TARGET).item() == pytest.approx(-0.00421750545501709, rel=1e-4)


def test_the_reversed_gradient_is_the_gradient_turned_around() -> None:
    torch.manual_seed(0)
    discriminator = Discriminator(4, 8)
    features = SOURCE.clone().requires_grad_()
    weights = list(discriminator.parameters())
    plain = torch.autograd.grad(domain_loss(discriminator, features, TARGET), [features, *weights])
    turned = torch.autograd.grad(domain_loss(discriminator, reverse(features), TARGET), [features, *weights])
    torch.testing.assert_close(turned[0], -plain[0])
    torch.testing.assert_close(turned[1:], plain[1:])  # the discriminator learns as ever


def test_the_loss_of_domains_is_the_mean_of_the_two() -> None:
    logits = torch.tensor([[2.0], [-1.0], [0.5]])
    expected = (sum(math.log1p(math.exp(-one)) for one in (2.0, -1.0)) / 2 + math.log1p(math.exp(0.5))) / 2
    assert domain_loss(nn.Identity(), logits[:2], logits[2:]).item() == pytest.approx(expected)


def _read_by_discriminator(term: ConditionalAdversary, source: Made, target: Made) -> Tensor:
    """What the discriminator reads of the source."""
    seen: list[Tensor] = []
    term.discriminator.register_forward_pre_hook(lambda _, given: seen.append(given[0]))
    term(source, target)
    return seen[0]


def test_cdan_reads_each_feature_times_each_answer() -> None:
    source = _made(SOURCE)
    answers = source.outputs.softmax(dim=1)
    expected = [torch.outer(answer, row).flatten() for answer, row in zip(answers, SOURCE, strict=True)]
    read = _read_by_discriminator(ConditionalAdversary(4, 3), source, _made(TARGET))
    torch.testing.assert_close(read, torch.stack(expected))


def test_a_random_map_keeps_the_products_of_wide_features() -> None:
    torch.manual_seed(0)
    made = Made(torch.randn(2, 900), torch.randn(2, 5))
    read = _read_by_discriminator(ConditionalAdversary(900, 5), made, made)
    assert read.shape == (2, MAPPED)
    answers = made.outputs.softmax(dim=1)
    # The expectation of products of what is mapped is that of the products themselves (Long et al. 2018, theorem 1).
    expected = (made.features @ made.features.T) * (answers @ answers.T)
    torch.testing.assert_close(read @ read.T, expected, rtol=0.25, atol=10.0)


@pytest.mark.parametrize("method", METHODS)
def test_the_gradient_of_the_features_is_that_of_finite_differences(method: str) -> None:
    compare, _ = _term(method)
    features = TARGET.clone().requires_grad_()
    [gradient] = torch.autograd.grad(compare(_made(SOURCE), Made(features, TARGET[:, :3])), features)
    for place in [(0, 0), (2, 3)]:
        moved = []
        for step in (1e-2, -1e-2):
            other = TARGET.clone()
            other[place] += step
            moved.append(compare(_made(SOURCE), Made(other, TARGET[:, :3])).item())
        slope = (moved[0] - moved[1]) / 2e-2
        # The network goes against the discriminator; the bandwidth of MMD moves a little too.
        assert gradient[place].item() == pytest.approx(slope if method == "mmd" else -slope, rel=0.15, abs=1e-4)


@pytest.mark.parametrize("method", METHODS)
def test_a_network_learns_to_hide_the_domain(method: str) -> None:
    """The target is the source, moved and stretched, and the network may move and stretch it back."""
    generator = torch.Generator().manual_seed(1)
    source, target = torch.randn(2, 64, 2, generator=generator).unbind()
    target = target * 2 + torch.tensor([2.0, 0.0])
    compare, own = _term(method, width=2, classes=2)
    scale, move = nn.Parameter(torch.ones(2)), nn.Parameter(torch.zeros(2))
    optimizer = torch.optim.Adam([scale, move, *own], lr=0.03)
    found = []
    for _ in range(120):
        optimizer.zero_grad()
        moved = target * scale + move
        torch.autograd.backward(compare(*(Made(rows, torch.zeros(64, 2)) for rows in (source, moved))))
        optimizer.step()
        found.append(moved.detach())
    # From 2; against a discriminator the network goes back and forth.
    assert abs(float(torch.stack(found[60:]).mean(dim=(0, 1))[0] - source.mean(dim=0)[0])) < 1.0


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("rows", [SOURCE[:1], torch.ones(4, 4)], ids=["one row", "all alike"])
def test_there_is_a_gradient_whatever_the_rows(method: str, rows: Tensor) -> None:
    features = rows.clone().requires_grad_()
    compare, _ = _term(method)
    loss = compare(Made(features, rows[:, :3]), _made(rows))
    torch.autograd.backward(loss)
    assert loss.isfinite()
    assert features.grad is not None
    assert features.grad.isfinite().all()
