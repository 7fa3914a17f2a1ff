"""The learning rate range test: it finds the rate above which a training becomes unstable."""

import math
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

from finetrail.inference.device import Machine, build_accelerator
from finetrail.models.network import Batch, Network
from finetrail.targets.classes.losses import cross_entropy
from finetrail.training.rates import RangeTest, Sweep, range_test
from finetrail.training.settings import Training
from tests.unit.training.toys import QUIET, new_model, points, train

CPU = Machine(build_accelerator(), "fp32")


class Valley(nn.Module):
    """A quadratic valley: the backbone is a point (D,), which wants to be 0."""

    def __init__(self) -> None:
        super().__init__()
        self.point = nn.Parameter(torch.ones(4))

    def forward(self, batch: Batch) -> Tensor:
        return self.point.expand(len(batch["x"]), -1)


def valley(curvature: float) -> RangeTest:
    """The test of plain gradient descent, which is stable below a rate of 2 / curvature."""
    network = Network(Valley(), nn.Identity())
    settings = Training(**QUIET, optimizer="sgd", momentum=0.0, clip=None, batch_size=8)

    def loss(outputs: Tensor, batch: Batch) -> Tensor:
        return curvature / 2 * outputs.square().sum(dim=1).mean() + 1

    sweep = Sweep(1e-5 / curvature, 1e3 / curvature, 161)
    return range_test(network, points(64, 1), settings, sweep, loss=loss, machine=CPU, seed=0)


@pytest.mark.parametrize("curvature", [0.1, 1.0, 300.0])
def test_it_finds_the_edge_of_stability_of_a_quadratic(curvature: float) -> None:
    found = valley(curvature)
    assert found.learned
    assert 1 < found.edge * curvature < 8  # twice as much overshoots; a few steps above 2 pass before that shows
    assert found.edge / 10 <= found.best <= found.edge / 3
    assert found.rates[-1] * curvature < 40  # it stopped there


def blobs(seed: int = 0) -> RangeTest:
    chosen = Training(**QUIET, batch_size=8)
    model = new_model()
    return range_test(model, points(96, 1), chosen, Sweep(1e-4, 1e2, 60), loss=cross_entropy(), machine=CPU, seed=seed)


def test_a_network_trains_well_at_the_rate_that_it_finds(tmp_path: Path) -> None:
    best = blobs().best
    at, slower, faster = (
        train(tmp_path / name, epochs=3, batch_size=8, learning_rate=best * times).fitted
        for name, times in (("at", 1.0), ("slower", 0.01), ("faster", 1000.0))
    )
    assert at.best > 0.8
    assert at.best > slower.best
    assert at.best > faster.best


def test_the_same_seed_gives_the_same_result() -> None:
    assert blobs() == blobs()
    assert blobs() != blobs(seed=1)


def test_a_head_with_its_own_rate_keeps_it() -> None:
    model = new_model()
    before = model.head.get_parameter("weight").detach().clone()
    settings = Training(**QUIET, batch_size=8, optimizer="sgd", momentum=0.0, head_learning_rate=0.5)
    found = range_test(
        model, points(96, 1), settings, Sweep(1e-12, 1e-11, 12), loss=cross_entropy(), machine=CPU, seed=0
    )
    assert (model.head.get_parameter("weight") - before).abs().max() > 0.1
    backbone = new_model().backbone.get_parameter("layer.weight")
    torch.testing.assert_close(model.backbone.get_parameter("layer.weight"), backbone)
    assert found.rates == pytest.approx(np.geomspace(1e-12, 1e-11, 12)[: len(found.rates)].tolist())


def test_where_no_rate_learns_it_says_so() -> None:
    found = RangeTest([10.0**power for power in range(-5, 0)], [3.0, 3.1, 2.9, 3.0, 3.1], [3.0] * 5)
    assert not found.learned
    assert not found.turned


def test_a_model_whose_first_loss_is_nan_has_learned_nothing() -> None:
    found = RangeTest([1e-5], [math.nan], [math.nan])
    assert found.turned
    assert not found.learned


def test_an_infinite_loss_ends_the_test_and_is_above_the_edge() -> None:
    found = RangeTest(np.geomspace(1e-4, 1.0, 9).tolist(), [3, 2.9, 2.5, 2, 1.5, 1.2, 1.4, 9, math.inf], [3.0] * 9)
    assert found.turned
    assert found.edge < 0.1


@given(st.floats(-5, 0), st.floats(0.2, 10), st.integers(0, 10))
def test_the_edge_is_where_the_loss_turns(edge: float, height: float, seed: int) -> None:
    """Losses that fall up to a rate and then rise, of batches of which some are easy and others hard."""
    rates = np.geomspace(1e-7, 1e2, 91)
    away = np.log10(rates) - edge
    before = height * np.random.default_rng(seed).uniform(0.5, 1.5, len(rates))
    change = np.where(away < 0, 0.9 * (1 + away / 2).clip(min=0), 0.9 - 4 * away)
    found = RangeTest(rates.tolist(), (before - height * change).tolist(), before.tolist())
    assert abs(math.log10(found.edge) - edge) < 0.5
    assert -2 < math.log10(found.steepest) - edge < 0.2
    assert found.edge / 10 <= found.best <= found.edge / 3
