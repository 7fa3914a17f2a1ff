"""A head on a backbone, and the two kinds of batches that it takes."""

import pytest
import torch
from torch import nn

from finetrail.models.network import Network, count_parameters


class Doubler(nn.Module):
    """A backbone that doubles the batch's `x` (B, D)."""

    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.tensor(2.0))

    def forward(self, batch: dict[str, torch.Tensor]) -> torch.Tensor:
        return batch["x"] * self.scale


def test_outputs_are_the_heads_answer_to_the_backbones_features() -> None:
    head = nn.Linear(3, 2)
    model = Network(Doubler(), head).eval()
    x = torch.randn(4, 3)
    expected = (2 * x) @ head.weight.T + head.bias
    torch.testing.assert_close(model({"x": x}), expected)


def test_features_that_were_computed_before_go_straight_to_the_head() -> None:
    model = Network(Doubler(), nn.Linear(3, 2)).eval()
    x = torch.randn(4, 3)
    features = model.features({"x": x})
    assert torch.equal(model({"features": features}), model({"x": x}))
    assert torch.equal(model.features({"features": x}), x)


def test_outputs_are_in_full_precision_under_autocast() -> None:
    model = Network(nn.Linear(3, 3), nn.Linear(3, 2))
    features = torch.randn(4, 3)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        outputs = model({"features": features.bfloat16()})
    assert outputs.dtype == torch.float32
    torch.testing.assert_close(outputs, model.head(features.bfloat16().float()))


def test_dropout_is_in_front_of_the_head_and_only_while_training() -> None:
    model = Network(Doubler(), nn.Linear(64, 2), dropout=0.5)
    features = {"features": torch.ones(1, 64)}
    assert not torch.equal(model.train()(features), model(features))
    assert torch.equal(model.eval()(features), model(features))


@pytest.mark.parametrize(("frozen", "trainable"), [(False, 1 + 3 * 2 + 2), (True, 3 * 2 + 2)])
def test_parameters_are_counted(frozen: bool, trainable: int) -> None:
    model = Network(Doubler(), nn.Linear(3, 2))
    model.backbone.requires_grad_(not frozen)
    assert count_parameters(model) == {"trainable": trainable, "total": 9}


class Block(nn.Module):
    """A linear layer with BatchNorm and dropout."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(4, 4)
        self.norm = nn.BatchNorm1d(4)
        self.dropout = nn.Dropout(0.5)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        out: torch.Tensor = self.dropout(self.norm(self.linear(x)))
        return out


class Two(nn.Module):
    """A backbone of two blocks on the batch's `x` (B, 4)."""

    def __init__(self) -> None:
        super().__init__()
        self.lower, self.upper, self.dropout = Block(), Block(), nn.Dropout(0.5)

    def forward(self, batch: dict[str, torch.Tensor]) -> torch.Tensor:
        out: torch.Tensor = self.dropout(self.upper(self.lower(batch["x"])))
        return out


def training(model: Network) -> dict[str, bool]:
    names = ("backbone.lower", "backbone.upper", "backbone.dropout", "dropout", "head")
    return {name: model.get_submodule(name).training for name in names}


@pytest.mark.parametrize(
    ("frozen", "resting"),
    [
        ((), set()),
        (("lower",), {"backbone.lower"}),
        (("lower", "upper"), {"backbone.lower", "backbone.upper", "backbone.dropout"}),
    ],
)
def test_what_is_frozen_as_a_whole_rests_while_the_rest_trains(frozen: tuple[str, ...], resting: set[str]) -> None:
    model = Network(Two(), nn.Linear(4, 2), dropout=0.5)
    for name in frozen:
        model.backbone.get_submodule(name).requires_grad_(False)
    assert model.train() is model
    assert training(model) == {name: name not in resting for name in training(model)}
    # Within a part, too: its BatchNorm neither averages on, nor is its dropout active.
    for name in frozen:
        assert not any(module.training for module in model.backbone.get_submodule(name).modules())
    model.eval()
    assert not any(training(model).values())
    model.requires_grad_(True)
    model.train()
    assert all(training(model).values())


def test_the_statistics_of_a_frozen_norm_stay_and_those_of_the_others_move() -> None:
    model = Network(Two(), nn.Linear(4, 2))
    model.backbone.get_submodule("lower").requires_grad_(False)
    before = {name: tensor.clone() for name, tensor in model.named_buffers()}
    model.train()({"x": torch.randn(8, 4)})
    moved = {name for name, tensor in model.named_buffers() if not torch.equal(tensor, before[name])}
    assert moved == {f"backbone.upper.norm.{name}" for name in ("running_mean", "running_var", "num_batches_tracked")}


def test_a_frozen_norm_among_layers_that_train_rests_alone() -> None:
    model = Network(Two(), nn.Linear(4, 2))
    block = model.backbone.get_submodule("lower")
    block.get_submodule("norm").requires_grad_(False)
    model.train()
    found = {name: module.training for name, module in block.named_children()}
    assert found == {"linear": True, "norm": False, "dropout": True}
