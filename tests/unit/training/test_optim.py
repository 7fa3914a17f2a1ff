"""What decays, which rate each part has, and how the rate goes up and down."""

import math
from typing import Any

import pytest
import torch
from pydantic import ValidationError
from torch import nn

from finetrail.models.classifier import Classifier
from finetrail.training.optim import build_optimizer, build_schedule
from finetrail.training.settings import Training


def model() -> Classifier:
    """A backbone with a matrix, biases and a norm, a frozen layer, and a head."""
    backbone = nn.Sequential(nn.Linear(3, 4), nn.LayerNorm(4), nn.Linear(4, 4))
    backbone[2].requires_grad_(False)
    return Classifier(backbone, width=4, classes=2)


def described(built: Classifier, settings: Training) -> dict[str, tuple[float, float]]:
    """Rate and decay of each parameter that the optimiser has."""
    names = {id(parameter): name for name, parameter in built.named_parameters()}
    groups = build_optimizer(built, settings).param_groups
    return {names[id(one)]: (group["lr"], group["weight_decay"]) for group in groups for one in group["params"]}


@pytest.mark.parametrize("optimizer", ["adamw", "sgd"])
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

    decays = {name: decay for name, (_, decay) in described(Classifier(Scaled(), 4, 2), Training()).items()}
    assert {name.removeprefix("backbone.") for name, decay in decays.items() if decay == 0} == {
        "layer_scale", "class_token", "head.bias",
    }  # fmt: skip


class Tower(nn.Module):
    """Three layers, the lowest of which is frozen where it is asked for."""

    def __init__(self, frozen: bool = False) -> None:
        super().__init__()
        self.layers = nn.Sequential(*(nn.Linear(4, 4) for _ in range(3)))
        self.norm = nn.LayerNorm(4)
        self.layers[0].requires_grad_(not frozen)


def test_each_layer_has_its_share_of_the_rate_of_the_layer_above() -> None:
    settings = Training(learning_rate=1.0, head_learning_rate=5.0, layer_decay=0.5)
    found = {name: rate for name, (rate, _) in described(Classifier(Tower(), 4, 2), settings).items()}
    assert found == {
        "backbone.layers.0.weight": 0.25, "backbone.layers.0.bias": 0.25,
        "backbone.layers.1.weight": 0.5, "backbone.layers.1.bias": 0.5,
        "backbone.layers.2.weight": 1.0, "backbone.layers.2.bias": 1.0,
        "backbone.norm.weight": 1.0, "backbone.norm.bias": 1.0,
        "head.weight": 5.0, "head.bias": 5.0,
    }  # fmt: skip


def test_a_frozen_layer_is_counted_but_not_trained() -> None:
    settings = Training(learning_rate=1.0, layer_decay=0.5)
    found = {name: rate for name, (rate, _) in described(Classifier(Tower(frozen=True), 4, 2), settings).items()}
    assert {rate for name, rate in found.items() if "layers.1" in name} == {0.5}
    assert not [name for name in found if "layers.0" in name]


def test_the_schedule_moves_all_rates_and_the_curve_shows_the_common_one() -> None:
    built, settings = Classifier(Tower(), 4, 2), Training(learning_rate=1.0, head_learning_rate=5.0, layer_decay=0.5)
    optimizer = build_optimizer(built, settings)
    schedule = build_schedule(optimizer, Training(schedule="linear", warmup=0.0), 4)
    first = schedule.get_last_lr()
    assert first[0] == 1.0
    optimizer.step()
    schedule.step()
    assert schedule.get_last_lr() == pytest.approx([0.75 * rate for rate in first])


def test_sgd_has_its_momentum_and_may_look_ahead() -> None:
    groups = build_optimizer(model(), Training(optimizer="sgd", momentum=0.8, nesterov=True)).param_groups
    assert {(group["momentum"], group["nesterov"]) for group in groups} == {(0.8, True)}


@pytest.mark.parametrize("given", [{"optimizer": "adamw"}, {"optimizer": "sgd", "momentum": 0.0}])
def test_looking_ahead_without_momentum_is_refused(given: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match="set optimizer to sgd and momentum above 0"):
        Training(nesterov=True, **given)


@pytest.mark.parametrize(
    ("key", "value"),
    [("layer_decay", 0.0), ("layer_decay", 1.5), ("label_smoothing", 1.0), ("momentum", 1.0), ("class_weights", "yes")],
)
def test_values_that_mean_nothing_are_refused(key: str, value: Any) -> None:
    with pytest.raises(ValidationError):
        Training(**{key: value})


@pytest.mark.parametrize(("name", "expected"), [("adamw", torch.optim.AdamW), ("sgd", torch.optim.SGD)])
def test_the_optimiser_is_the_one_that_is_named(name: Any, expected: type) -> None:
    optimizer = build_optimizer(model(), Training(optimizer=name))
    assert type(optimizer) is expected
    assert name == "adamw" or all(group["momentum"] == 0.9 for group in optimizer.param_groups)


def rates(steps: int, **settings: Any) -> list[float]:
    """The rate of each step, and the one after the last."""
    built = model()
    training = Training(learning_rate=1.0, **settings)
    optimizer = build_optimizer(built, training)
    schedule = build_schedule(optimizer, training, steps)
    found = []
    for _ in range(steps):
        found.append(float(schedule.get_last_lr()[0]))
        optimizer.step()
        schedule.step()
    return [*found, float(schedule.get_last_lr()[0])]


@pytest.mark.parametrize("schedule", ["cosine", "linear", "constant"])
def test_the_rate_rises_from_0_in_a_straight_line(schedule: Any) -> None:
    assert rates(20, schedule=schedule, warmup=0.2)[:5] == pytest.approx([0, 0.25, 0.5, 0.75, 1])


@pytest.mark.parametrize("schedule", ["cosine", "linear", "constant"])
def test_without_a_warm_up_the_first_step_has_the_whole_rate(schedule: Any) -> None:
    assert rates(10, schedule=schedule, warmup=0.0)[0] == 1


def test_after_the_warm_up_the_rate_goes_down_to_0_as_the_schedule_says() -> None:
    assert rates(12, schedule="linear", warmup=1 / 6)[2:] == pytest.approx([1 - step / 10 for step in range(11)])
    cosine = [(1 + math.cos(math.pi * step / 10)) / 2 for step in range(11)]
    assert rates(12, schedule="cosine", warmup=1 / 6)[2:] == pytest.approx(cosine)
    assert rates(12, schedule="constant", warmup=1 / 6)[2:] == [1] * 11


@pytest.mark.parametrize("steps", [1, 2, 3])
def test_a_training_of_a_few_steps_has_rates_too(steps: int) -> None:
    for warmup in (0.0, 0.1, 0.5, 1.0):
        assert all(0 <= rate <= 1 for rate in rates(steps, schedule="cosine", warmup=warmup))
