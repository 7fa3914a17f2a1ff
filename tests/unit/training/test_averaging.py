"""Averages of weights: their values, what they leave alone, and that they go on from a saved state."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from finetrail.training.averaging import Average, build_average
from finetrail.training.settings import Training


class Net(nn.Module):
    """A frozen matrix, a trainable one, one in bf16, and running statistics with a counter."""

    def __init__(self) -> None:
        super().__init__()
        self.frozen = nn.Linear(2, 2)
        self.frozen.requires_grad_(False)
        self.linear = nn.Linear(2, 2)
        self.low = nn.Linear(2, 2, dtype=torch.bfloat16)
        self.norm = nn.BatchNorm1d(2)


FLOATS = [f"{part}.{name}" for part in ("linear", "low", "norm") for name in ("weight", "bias")]
FLOATS += ["norm.running_mean", "norm.running_var"]
COUNTER = "norm.num_batches_tracked"


def set_to(model: nn.Module, value: float) -> None:
    """Let everything that trains have one value."""
    with torch.no_grad():
        for name in (*FLOATS, COUNTER):
            model.state_dict()[name].fill_(value)


def start(steps: int = 10, **given: Any) -> tuple[Net, Average]:
    torch.manual_seed(0)
    model = Net()
    average = build_average(model, Training(**given), steps)
    assert average is not None
    return model, average


def values(state: dict[str, Tensor]) -> set[float]:
    """The values of the averaged floats, rounded."""
    return {round(float(number), 5) for name in FLOATS for number in state[name].flatten()}


def follow(model: Net, count: Callable[[int], None], steps: int, first: int = 1) -> None:
    """Steps after each of which the weights are the step's number."""
    for step in range(first, first + steps):
        set_to(model, step)
        count(step)


def expected_ema(decay: float, steps: int) -> float:
    """The weights of steps 1, 2, ... by powers of the decay, which are then made to sum to 1."""
    shares = [decay ** (steps - step) for step in range(1, steps + 1)]
    return sum(share * step for step, share in enumerate(shares, start=1)) / sum(shares)


@pytest.mark.parametrize("decay", [0.0, 0.5, 0.999])
def test_an_exponential_average_is_one_from_the_first_step_on(decay: float) -> None:
    model, average = start(average="ema", ema_decay=decay)
    assert not average.ready
    for step in range(1, 6):
        follow(model, average.after_step, 1, step)
        assert average.ready
        assert values(average.state_dict()) == {round(expected_ema(decay, step), 5)}


def test_a_long_exponential_average_is_the_usual_one() -> None:
    model, average = start(average="ema", ema_decay=0.5)
    follow(model, average.after_step, 40)
    usual = 1.0
    for step in range(2, 41):
        usual = 0.5 * usual + 0.5 * step
    assert values(average.state_dict()) == {round(usual, 5)}


def test_the_first_average_is_the_weights_themselves() -> None:
    model, average = start(average="ema")
    average.after_step(1)
    state = average.state_dict()
    assert all(torch.equal(state[name], model.state_dict()[name].float()) for name in FLOATS)


def test_swa_is_the_mean_of_the_epochs_ends_in_the_last_part() -> None:
    model, average = start(steps=20, average="swa", swa_start=0.5)
    follow(model, average.after_step, 20)
    assert not average.ready
    for step in (4, 8, 9):
        set_to(model, step)
        average.after_epoch(step)
    assert not average.ready
    for count, step in enumerate((10, 16, 19), start=1):
        set_to(model, step)
        average.after_epoch(step)
        assert values(average.state_dict()) == {round(sum((10, 16, 19)[:count]) / count, 5)}


def test_an_exponential_average_does_not_count_epochs() -> None:
    model, average = start(average="ema", ema_decay=0.5)
    follow(model, average.after_step, 3)
    before = values(average.state_dict())
    average.after_epoch(3)
    assert values(average.state_dict()) == before


@pytest.mark.parametrize("fails", [False, True])
def test_the_models_own_weights_come_back_bit_for_bit(fails: bool) -> None:
    model, average = start(average="ema", ema_decay=0.5)
    follow(model, average.after_step, 3)
    torch.manual_seed(1)
    nn.init.normal_(model.linear.weight)
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    try:
        with average.applied():
            within = {name: tensor.clone() for name, tensor in model.state_dict().items()}
            assert model.low.weight.dtype == torch.bfloat16
            if fails:
                raise RuntimeError("evaluation failed")
    except RuntimeError:
        assert fails
    assert torch.allclose(within["linear.weight"], torch.tensor(expected_ema(0.5, 3)))
    assert torch.allclose(within["norm.running_var"], torch.tensor(expected_ema(0.5, 3)))
    assert within[COUNTER] == 3, "a number of batches is no mean"
    assert torch.equal(within["frozen.weight"], before["frozen.weight"])
    assert all(torch.equal(tensor, before[name]) for name, tensor in model.state_dict().items())
    assert model.linear.weight.requires_grad


def test_before_there_is_an_average_the_model_keeps_its_own() -> None:
    model, average = start(average="swa")
    set_to(model, 3.0)
    with average.applied():
        assert values(dict(model.state_dict())) == {3.0}


def test_what_is_frozen_is_not_copied() -> None:
    _, average = start(average="ema")
    state = average.state_dict()
    assert set(state) == {*FLOATS, COUNTER, "count"}
    assert {state[name].dtype for name in FLOATS} == {torch.float32}


def test_weights_in_half_precision_are_averaged_in_whole() -> None:
    """In bf16, 256 + 1/64 of the way to 257 would be 256 for ever."""
    model, average = start(average="ema", ema_decay=1 - 1 / 64)
    set_to(model, 256)
    for step in range(1, 101):
        average.after_step(step)
    set_to(model, 258)
    for step in range(101, 103):
        average.after_step(step)
    assert 256.04 < float(average.state_dict()["low.weight"][0, 0]) < 256.1


@pytest.mark.parametrize("given", [{"average": "ema", "ema_decay": 0.9}, {"average": "swa", "swa_start": 0.0}])
def test_an_average_goes_on_from_a_state_with_the_same_bits(given: dict[str, Any]) -> None:
    def some(model: Net, average: Average, steps: range) -> None:
        for step in steps:
            torch.manual_seed(step)
            nn.init.normal_(model.linear.weight)
            average.after_step(step)
            average.after_epoch(step)

    model, whole = start(**given)
    some(model, whole, range(1, 7))
    model, first = start(**given)
    some(model, first, range(1, 4))
    state = {name: tensor.clone() for name, tensor in first.state_dict().items()}
    model, second = start(**given)
    second.load_state_dict(state)
    assert second.ready
    some(model, second, range(4, 7))
    assert all(torch.equal(tensor, whole.state_dict()[name]) for name, tensor in second.state_dict().items())


def test_without_an_average_there_is_none() -> None:
    assert build_average(Net(), Training(), 10) is None
