"""What decays, which rate each part has, and how the rate goes up and down."""

import math
from typing import Any

import pytest
import torch
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
