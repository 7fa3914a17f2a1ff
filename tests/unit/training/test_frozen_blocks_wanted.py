"""Networks that are wired in other ways: their frozen blocks are used with care, or not at all."""

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from finetrail.models.inputs import Inputs
from finetrail.models.network import Network
from finetrail.training.frozen_blocks import find_frozen_blocks
from finetrail.training.left_out import FrozenBlocks
from tests.unit.models.networks import answers
from tests.unit.training.toys import Points

Case = tuple[Network, Inputs]


def found(model: Network, inputs: Inputs) -> FrozenBlocks:
    frozen = find_frozen_blocks(model, inputs)
    assert frozen is not None
    return frozen


def weights(model: Network) -> dict[str, Tensor]:
    return {name: tensor.clone() for name, tensor in model.state_dict().items()}


class Chain(nn.Module):
    """Three blocks, with something between input and output that the test chooses."""

    def __init__(self, before: nn.Module | None = None, around: bool = False, shared: bool = False) -> None:
        super().__init__()
        self.bias = nn.Parameter(torch.zeros(1), requires_grad=False)
        self.before = before or nn.Identity()
        self.layers = nn.ModuleList(nn.Sequential(nn.Linear(4, 4), nn.Tanh()) for _ in range(3))
        self.late = nn.Linear(4, 4)
        self.around, self.shared = around, shared

    def forward(self, batch: dict[str, Tensor]) -> Tensor:
        x = self.before(batch["x"]) + self.bias
        first = self.late(x) if self.shared else x
        for layer in self.layers:
            first = layer(first)
        output: Tensor = first + batch["x"] if self.around else first
        return output


def chain(**given: Any) -> Case:
    torch.manual_seed(0)
    model = Network(Chain(**given), nn.Linear(4, 2))
    for layer in model.backbone.layers[:2]:  # type: ignore[index]
        layer.requires_grad_(False)
    return model, Points(torch.randn(6, 4))


def test_what_reaches_the_answer_around_the_frozen_blocks_is_not_lost() -> None:
    model, inputs = chain()
    assert found(model, inputs).compute(inputs, 2).batch([0])["x"].shape == (1, 1)
    model, inputs = chain(around=True)
    frozen = found(model, inputs)
    short = frozen.compute(inputs, 2)
    assert torch.equal(short.batch([3])["x"], inputs.batch([3])["x"])
    with frozen.left_out():
        np.testing.assert_allclose(answers(model, short, 4), answers(model, inputs, 4), rtol=1e-6)


def test_none_where_something_before_the_frozen_blocks_trains() -> None:
    """Though it stands behind them in the order of the network's parts."""
    assert find_frozen_blocks(*chain(shared=True)) is None


@pytest.mark.parametrize("before", [nn.Dropout(0.5), nn.BatchNorm1d(4, affine=False)], ids=["dropout", "statistics"])
def test_none_where_training_mode_makes_another_output(before: nn.Module) -> None:
    model, inputs = chain(before=before)
    statistics = weights(model)
    assert find_frozen_blocks(model, inputs) is None
    assert all(torch.equal(tensor, statistics[name]) for name, tensor in weights(model).items())
