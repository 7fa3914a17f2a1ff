"""Every optimiser learns, and goes on from a saved state as if it had never stopped."""

import io
import json
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.optim import Optimizer

from finetrail.models.network import Network
from finetrail.targets.classes.losses import cross_entropy
from finetrail.training.optim import build_optimizer
from finetrail.training.settings import Training
from tests.unit.training.toys import new_model, points, train

KINDS: dict[str, tuple[type[Optimizer], dict[str, Any]]] = {
    "adamw": (torch.optim.AdamW, {"learning_rate": 0.05}),
    "sgd": (torch.optim.SGD, {"learning_rate": 0.05, "nesterov": True}),
    # Its rate is a share of the weights' own size.
    "adafactor": (torch.optim.Adafactor, {"learning_rate": 0.5}),
    "lion": (Optimizer, {"learning_rate": 0.02}),
    "muon": (Optimizer, {"learning_rate": 0.05}),
}
FEW = {"head_learning_rate": 0.01, "layer_decay": 0.5, "weight_decay": 0.1}


@pytest.mark.parametrize("kind", KINDS)
def test_three_blobs_are_learnt(tmp_path: Path, kind: str) -> None:
    run = train(tmp_path, epochs=10, optimizer=kind, warmup=0.1, **KINDS[kind][1])
    assert run.fitted.best > 0.9
    losses = [point["loss"] for point in run.fitted.train_curve]
    assert losses[-1] < 0.6 * losses[0]


def some_steps(model: Network, optimizer: Optimizer, first: int, count: int) -> None:
    inputs = points(12 * (first + count), 1)
    for step in range(first, first + count):
        batch = inputs.batch(range(12 * step, 12 * (step + 1)))
        torch.autograd.backward(cross_entropy()(model(batch), batch))
        optimizer.step()
        optimizer.zero_grad()


@pytest.mark.parametrize("kind", KINDS)
def test_a_fresh_optimiser_goes_on_from_a_state_with_the_same_bits(kind: str) -> None:
    """The state goes through a file each for its tensors and for the rest, as a checkpoint does."""
    expected, settings = KINDS[kind]
    training = Training(**{"optimizer": kind, **FEW, **settings})
    whole, halves = new_model(), new_model()
    one = build_optimizer(whole, training)
    assert isinstance(one, expected)
    some_steps(whole, one, 0, 6)
    first = build_optimizer(halves, training)
    some_steps(halves, first, 0, 3)
    state, weights = through_files(first.state_dict()), halves.state_dict()
    again = new_model()
    again.load_state_dict(weights)
    second = build_optimizer(again, training)
    second.load_state_dict(state)
    some_steps(again, second, 3, 3)
    assert all(torch.equal(whole.state_dict()[name], tensor) for name, tensor in again.state_dict().items())


def through_files(state: dict[str, Any]) -> dict[str, Any]:
    """Tensors apart, and the rest as JSON, which refuses what is no plain number, string, list or dictionary."""
    kept = {(number, key): value for number, values in state["state"].items() for key, value in values.items()}
    file = io.BytesIO()
    torch.save({key: value for key, value in kept.items() if isinstance(value, Tensor)}, file)
    file.seek(0)
    tensors = torch.load(file, weights_only=True)
    plain = [[*key, value] for key, value in kept.items() if not isinstance(value, Tensor)]
    plain, groups = json.loads(json.dumps([plain, state["param_groups"]], allow_nan=False))
    values: dict[int, dict[str, Any]] = {}
    for number, key, value in [*((number, key, value) for (number, key), value in tensors.items()), *plain]:
        values.setdefault(number, {})[key] = value
    return {"state": values, "param_groups": groups}
