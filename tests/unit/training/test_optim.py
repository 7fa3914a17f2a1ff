"""What decays, which rate each part has, and by which rule it moves."""

from typing import Any

import pytest
import torch
from torch import nn

from finetrail.models.network import Network
from finetrail.training.optim import build_optimizer
from finetrail.training.settings import Training

OPTIMIZERS = ["adamw", "sgd", "adafactor", "lion", "muon"]


def model() -> Network:
    """A backbone with a matrix, biases and a norm, a frozen layer, and a head."""
    backbone = nn.Sequential(nn.Linear(3, 4), nn.LayerNorm(4), nn.Linear(4, 4))
    backbone[2].requires_grad_(False)
    return Network(backbone, nn.Linear(4, 2))


def described(built: Network, settings: Training) -> dict[str, tuple[float, float]]:
    """Rate and decay of each parameter that the optimiser has."""
    names = {id(parameter): name for name, parameter in built.named_parameters()}
    groups = build_optimizer(built, settings).param_groups
    return {names[id(one)]: (group["lr"], group["weight_decay"]) for group in groups for one in group["params"]}


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_matrices_decay_and_biases_and_norms_do_not(optimizer: Any) -> None:
    settings = Training(optimizer=optimizer, learning_rate=1e-3, head_learning_rate=1e-2, weight_decay=0.1)
    assert described(model(), settings) == {
        "backbone.0.weight": (1e-3, 0.1),
        "backbone.0.bias": (1e-3, 0.0),
        "backbone.1.weight": (1e-3, 0.0),
        "backbone.1.bias": (1e-3, 0.0),
        "head.weight": (1e-2, 0.1),
        "head.bias": (1e-2, 0.0),
    }


def test_the_head_has_the_common_rate_unless_it_has_its_own() -> None:
    assert {rate for rate, _ in described(model(), Training(learning_rate=1e-3)).values()} == {1e-3}


def test_a_scale_of_one_value_a_channel_does_not_decay_and_convolutions_and_embeddings_do() -> None:
    class Scaled(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.convolution = nn.Conv2d(3, 4, 3, bias=False)
            self.layer_scale = nn.Parameter(torch.ones(4, 1, 1))  # as in ConvNeXt
            self.class_token = nn.Parameter(torch.zeros(1, 1, 4))
            self.positions = nn.Parameter(torch.zeros(1, 5, 4))

    decays = {name: decay for name, (_, decay) in described(Network(Scaled(), nn.Linear(4, 2)), Training()).items()}
    without = {name.removeprefix("backbone.") for name, decay in decays.items() if decay == 0}
    assert without == {"layer_scale", "class_token", "head.bias"}


class Tower(nn.Module):
    """Three layers, the lowest of which is frozen where it is asked for."""

    def __init__(self, frozen: bool = False) -> None:
        super().__init__()
        self.layers = nn.Sequential(*(nn.Linear(4, 4) for _ in range(3)))
        self.norm = nn.LayerNorm(4)
        self.layers[0].requires_grad_(not frozen)


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_each_layer_has_its_share_of_the_rate_of_the_layer_above(optimizer: Any) -> None:
    settings = Training(optimizer=optimizer, learning_rate=1.0, head_learning_rate=5.0, layer_decay=0.5)
    found = {name: rate for name, (rate, _) in described(Network(Tower(), nn.Linear(4, 2)), settings).items()}
    rates = {"backbone.layers.0": 0.25, "backbone.layers.1": 0.5, "backbone.layers.2": 1.0}
    rates |= {"backbone.norm": 1.0, "head": 5.0}
    assert found == {f"{layer}.{part}": rate for layer, rate in rates.items() for part in ("weight", "bias")}


def test_a_frozen_layer_is_counted_but_not_trained() -> None:
    settings = Training(learning_rate=1.0, layer_decay=0.5)
    found = {
        name: rate for name, (rate, _) in described(Network(Tower(frozen=True), nn.Linear(4, 2)), settings).items()
    }
    assert {rate for name, rate in found.items() if "layers.1" in name} == {0.5}
    assert not [name for name in found if "layers.0" in name]


def test_sgd_has_its_momentum_and_may_look_ahead() -> None:
    groups = build_optimizer(model(), Training(optimizer="sgd", momentum=0.8, nesterov=True)).param_groups
    assert {(group["momentum"], group["nesterov"]) for group in groups} == {(0.8, True)}


class Mixed(nn.Module):
    """One parameter of each kind that Muon must tell apart."""

    def __init__(self) -> None:
        super().__init__()
        self.words = nn.Embedding(10, 4)
        self.positions = nn.Parameter(torch.zeros(1, 5, 4))
        self.linear = nn.Linear(4, 4)
        self.convolution = nn.Conv2d(4, 6, 3)
        self.depthwise = nn.Conv2d(4, 4, 3, groups=4)
        self.rank_1 = nn.Linear(4, 1, bias=False)
        self.norm = nn.LayerNorm(4)


def test_muon_moves_matrices_of_the_backbone_and_adamw_the_rest() -> None:
    built = Network(Mixed(), nn.Linear(4, 2))
    names = {id(parameter): name for name, parameter in built.named_parameters()}
    groups = build_optimizer(
        built, Training(optimizer="muon", learning_rate=1e-3, head_learning_rate=1e-2)
    ).param_groups
    by_muon = {names[id(one)] for group in groups if "use_muon" in group for one in group["params"]}
    assert by_muon == {"backbone.linear.weight", "backbone.convolution.weight"}
    rest = [group for group in groups if "use_muon" not in group]
    assert sum(len(group["params"]) for group in groups) == len(names)
    assert {(group["use_fallback"], group["nesterov"], group["betas"]) for group in rest} == {
        (True, False, (0.9, 0.999))
    }
    assert groups[0]["lr"] == 1e-3


def test_the_rest_of_muon_is_adamw() -> None:
    """With nothing in the backbone to make orthogonal, the two optimisers are one."""

    def trained(optimizer: Any) -> torch.Tensor:
        torch.manual_seed(3)
        built = Network(nn.Embedding(6, 4), nn.Linear(4, 2))
        settings = Training(optimizer=optimizer, learning_rate=0.1, weight_decay=0.1)
        moving = build_optimizer(built, settings)
        for _ in range(3):
            built.head(built.backbone(torch.arange(6))).square().mean().backward()
            moving.step()
            moving.zero_grad()
        return torch.cat([parameter.detach().flatten() for parameter in built.parameters()])

    torch.testing.assert_close(trained("muon"), trained("adamw"), rtol=1e-5, atol=1e-6)


def test_adafactor_moves_as_far_for_small_gradients() -> None:
    """What the gradients are multiplied by does not matter, and a row that has none stays as it is."""

    def moved(size: float) -> torch.Tensor:
        torch.manual_seed(0)
        layer = nn.Linear(8, 8)
        before = layer.weight.detach().clone()
        training = Training(optimizer="adafactor", learning_rate=0.1, weight_decay=0.0)
        optimizer = build_optimizer(Network(layer, nn.Linear(8, 2)), training)
        for factor in (1, 0.1, 1, 0.1):
            layer.weight.grad = torch.randn(8, 8) * factor * size
            layer.weight.grad[0] = 0
            optimizer.step()
        return (layer.weight - before).detach()

    assert not moved(1.0)[0].any()
    assert moved(1.0)[1:].norm() > 0.1
    torch.testing.assert_close(moved(1e-5), moved(1.0), rtol=1e-3, atol=1e-5)


def test_sharded_weights_have_an_sgd_without_the_fused_kernel() -> None:
    alone, sharded = ({"optimizer": "sgd"}, {"optimizer": "sgd", "fsdp": True, "processes": 2})
    fused = [build_optimizer(model(), Training(**given)).defaults["fused"] for given in (alone, sharded)]
    assert fused == [True, False]
