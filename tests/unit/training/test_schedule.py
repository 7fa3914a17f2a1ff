"""How the rates go up and down, and that they go on from a saved state as if training had never stopped."""

import json
import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import CosineAnnealingWarmRestarts

from finetrail.models.network import Network
from finetrail.training.optim import build_optimizer
from finetrail.training.schedule import Schedule, build_schedule, depends_on_length
from finetrail.training.settings import Training

SCHEDULES = ["cosine", "linear", "constant", "one_cycle", "restarts", "plateau"]


def start(steps: int, **given: Any) -> tuple[Optimizer, Schedule]:
    training = Training(**({"learning_rate": 1.0} | given))
    optimizer = build_optimizer(Network(nn.Linear(3, 4), nn.Linear(4, 2)), training)
    return optimizer, build_schedule(optimizer, training, steps)


def go_on(optimizer: Optimizer, schedule: Schedule, steps: int, values: Any = ()) -> list[list[float]]:
    """The rates of all groups after each step; after each of the first steps an evaluation has one of the values."""
    found = []
    for step in range(steps):
        optimizer.step()
        schedule.step()
        if step < len(values):
            schedule.judge(values[step])
        found.append([group["lr"] for group in optimizer.param_groups])
    return found


def rates(steps: int, **given: Any) -> list[float]:
    """The rate of each step, and the one after the last."""
    optimizer, schedule = start(steps, **given)
    return [schedule.rate, *(all_rates[0] for all_rates in go_on(optimizer, schedule, steps))]


@pytest.mark.parametrize("warmup", [0, 0.37, 5, 40])
@pytest.mark.parametrize("steps", [1, 7, 33])
@pytest.mark.parametrize(
    ("schedule", "theirs"), [("cosine", "cosine"), ("linear", "linear"), ("constant", "constant_with_warmup")]
)
def test_the_curves_are_those_of_transformers_bit_for_bit(
    schedule: str, theirs: str, steps: int, warmup: float
) -> None:
    from transformers.optimization import get_scheduler

    given = {"schedule": schedule, "warmup": warmup, "learning_rate": 3e-3}
    optimizer, ours = start(steps, **given)
    other, _ = start(steps, **given | {"schedule": "constant", "warmup": 0})
    counted = round(warmup * steps) if warmup < 1 else round(warmup)
    curve = get_scheduler(theirs, other, num_warmup_steps=counted, num_training_steps=steps)
    expected = []
    for _ in range(steps + 1):
        other.step()
        curve.step()
        expected.append([group["lr"] for group in other.param_groups])
    assert go_on(optimizer, ours, steps + 1) == expected


@pytest.mark.parametrize("warmup", [0.2, 4.0])
@pytest.mark.parametrize("schedule", ["cosine", "linear", "constant", "plateau"])
def test_the_rate_rises_from_0_in_a_straight_line(schedule: str, warmup: float) -> None:
    assert rates(20, schedule=schedule, warmup=warmup)[:5] == pytest.approx([0, 0.25, 0.5, 0.75, 1])


@pytest.mark.parametrize("schedule", ["cosine", "linear", "constant", "plateau"])
def test_without_a_warm_up_the_first_step_has_the_whole_rate(schedule: str) -> None:
    assert rates(10, schedule=schedule, warmup=0.0)[0] == 1


def test_after_the_warm_up_the_rate_goes_down_to_0_as_the_schedule_says() -> None:
    assert rates(12, schedule="linear", warmup=1 / 6)[2:] == pytest.approx([1 - step / 10 for step in range(11)])
    cosine = [(1 + math.cos(math.pi * step / 10)) / 2 for step in range(11)]
    assert rates(12, schedule="cosine", warmup=1 / 6)[2:] == pytest.approx(cosine)
    assert rates(12, schedule="constant", warmup=1 / 6)[2:] == [1] * 11


def test_one_cycle_goes_up_in_the_warm_up_and_down_to_the_end() -> None:
    found = rates(12, schedule="one_cycle", warmup=4.0)
    up = [1 - (1 - 1 / 25) * (1 + math.cos(math.pi * step / 4)) / 2 for step in range(5)]
    down = [(1 + math.cos(math.pi * step / 8)) / 2 for step in range(9)]
    assert found == pytest.approx([*up, *down[1:]], abs=1e-5)


@pytest.mark.parametrize("steps", [1, 2, 3, 10, 20])
@pytest.mark.parametrize("schedule", SCHEDULES)
def test_a_training_of_a_few_steps_has_rates_too(schedule: str, steps: int) -> None:
    for warmup in (0.05, 0.1, 0.5, 0.99, 1.0, 19.0, 20.0, 50.0):
        assert all(0 <= rate <= 1 for rate in rates(steps, schedule=schedule, warmup=warmup))


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_the_schedule_moves_the_rates_of_all_groups_alike(schedule: str) -> None:
    optimizer, moving = start(8, schedule=schedule, warmup=0.25, head_learning_rate=0.1)
    highest = [
        group["lr"] for group in start(8, head_learning_rate=0.1, schedule="constant", warmup=0.0)[0].param_groups
    ]
    assert sorted(set(highest)) == [0.1, 1.0]
    for _ in range(7):
        found = go_on(optimizer, moving, 1, [1.0])[0]
        assert found == pytest.approx([moving.rate * one for one in highest])


@pytest.mark.parametrize(("kind", "key"), [("adamw", "betas"), ("lion", "betas"), ("sgd", "momentum")])
def test_one_cycle_lowers_the_momentum_where_the_rate_is_high(kind: str, key: str) -> None:
    optimizer, schedule = start(10, schedule="one_cycle", warmup=5.0, optimizer=kind)

    def momenta() -> set[float]:
        return {round(group[key][0] if key == "betas" else group[key], 6) for group in optimizer.param_groups}

    assert momenta() == {0.9}
    go_on(optimizer, schedule, 5)
    assert momenta() == {0.8}
    go_on(optimizer, schedule, 5)
    assert momenta() == {0.9}


@pytest.mark.parametrize("given", [{"optimizer": "sgd", "momentum": 0.0}, {"optimizer": "muon"}])
def test_one_cycle_leaves_a_momentum_alone_that_not_every_group_has(given: dict[str, Any]) -> None:
    optimizer, schedule = start(10, schedule="one_cycle", **given)
    before = [(group["momentum"], group.get("betas")) for group in optimizer.param_groups]
    go_on(optimizer, schedule, 5)
    assert [(group["momentum"], group.get("betas")) for group in optimizer.param_groups] == before


def test_plateau_lowers_the_rate_after_so_many_evaluations_without_a_better_one() -> None:
    optimizer, schedule = start(10, schedule="plateau", warmup=0.0, plateau_factor=0.1, plateau_patience=2)
    values = [0.5, 0.5, 0.6, 0.6, 0.59, 0.6, 0.7, 0.6, 0.1]
    found = [all_rates[0] for all_rates in go_on(optimizer, schedule, 9, values)]
    assert found == pytest.approx([1, 1, 1, 1, 0.1, 0.1, 0.1, 0.1, 0.01])


def test_the_smallest_gain_is_one_and_the_smallest_rate_may_be_lowered() -> None:
    given = {"schedule": "plateau", "warmup": 0.0, "learning_rate": 1e-9}
    optimizer, schedule = start(3, **given)
    found = [all_rates[0] for all_rates in go_on(optimizer, schedule, 3, [0.5, 0.5000001, 0.5])]
    assert found == pytest.approx([1e-9, 1e-9, 5e-10])


def test_evaluations_in_the_warm_up_do_not_count_for_the_plateau() -> None:
    optimizer, schedule = start(8, schedule="plateau", warmup=4.0)
    found = go_on(optimizer, schedule, 6, [0.9, 0.8, 0.7, 0.6, 0.65, 0.6])
    assert [all_rates[0] for all_rates in found] == pytest.approx([0.25, 0.5, 0.75, 1, 1, 0.5])


@pytest.mark.parametrize("schedule", ["cosine", "linear", "constant", "one_cycle"])
def test_no_other_schedule_listens_to_evaluations(schedule: str) -> None:
    optimizer, moving = start(6, schedule=schedule)
    assert [one[0] for one in go_on(optimizer, moving, 6, [0.5] * 6)] == rates(6, schedule=schedule)[1:]


@settings(max_examples=60, deadline=None)
@given(
    schedule=st.sampled_from(SCHEDULES),
    warmup=st.sampled_from([0.1, 0.5, 1.0, 7.0]),
    values=st.lists(st.sampled_from([0.1, 0.2, 0.3]), min_size=12, max_size=12),
    at=st.integers(0, 12),
    order=st.sampled_from(["optimiser first", "schedule first", "schedule alone"]),
)
def test_a_schedule_goes_on_from_a_state_as_if_it_had_never_stopped(
    schedule: Any, warmup: float, values: list[float], at: int, order: str
) -> None:
    given = {"schedule": schedule, "warmup": warmup, "layer_decay": 0.5, "head_learning_rate": 3.0}
    whole = go_on(*start(12, **given), 12, values)
    optimizer, before = start(12, **given)
    go_on(optimizer, before, at, values)
    state = json.loads(json.dumps(before.state_dict(), allow_nan=False))
    again, after = start(12, **given)
    if order == "optimiser first":
        again.load_state_dict(optimizer.state_dict())
    after.load_state_dict(state)
    if order == "schedule first":
        again.load_state_dict(optimizer.state_dict())
    assert after.rate == before.rate
    assert go_on(again, after, 12 - at, values[at:]) == whole[at:]


@pytest.mark.parametrize(("growth", "first"), [(1, 7), (2, 3)])
def test_restarts_are_those_of_torch(growth: int, first: int) -> None:
    ours = rates(21, schedule="restarts", warmup=0, cycles=3, cycle_growth=growth)
    other, _ = start(21, schedule="constant", warmup=0)
    curve = CosineAnnealingWarmRestarts(other, T_0=first, T_mult=growth)
    for rate in ours[:-1]:
        assert rate == pytest.approx(other.param_groups[0]["lr"], abs=1e-12)
        other.step()
        curve.step()
    assert ours[-1] == pytest.approx(0, abs=1e-12)  # there torch would start a fourth


def test_restarts_come_after_the_warm_up() -> None:
    found = rates(12, schedule="restarts", warmup=2, cycles=2, cycle_growth=1)
    assert found[:3] == [0, 0.5, 1]
    assert found[7] == 1  # again, half way through the rest
    assert found[6] < 0.1


@pytest.mark.parametrize("warmup", [0.0, 0.1, 0.5, 1.0, 3.0])
@pytest.mark.parametrize("schedule", SCHEDULES)
def test_it_is_known_whether_the_rates_depend_on_the_length(schedule: Any, warmup: float) -> None:
    if (schedule, warmup) == ("one_cycle", 0.0):
        return
    given = {"schedule": schedule, "warmup": warmup}
    first = [rates(steps, **given)[:15] for steps in (20, 40)]
    assert depends_on_length(Training(**given)) == (first[0] != first[1])
