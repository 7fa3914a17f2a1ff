"""How many steps, which examples, and what follows after which."""

from hypothesis import given
from hypothesis import strategies as st

from finetrail.inference.batching import cut
from finetrail.training.plan import Plan
from finetrail.training.settings import Training

LENGTHS = st.lists(st.integers(1, 40), min_size=1, max_size=60)


@given(LENGTHS, st.integers(1, 9), st.integers(1, 4), st.integers(1, 3), st.integers(0, 2**32))
def test_an_epoch_takes_every_example_once_in_steps_of_the_global_batch(
    lengths: list[int], size: int, accumulate: int, epoch: int, seed: int
) -> None:
    plan = Plan(lengths, Training(batch_size=size, accumulate=accumulate), seed)
    steps = plan.epoch(epoch)
    assert len(steps) == plan.steps_an_epoch
    assert sorted(index for step in steps for index in step.examples) == list(range(len(lengths)))
    assert all(len(step.batches) <= accumulate for step in steps)
    drawn = [seed for step in steps for seed in step.seeds]
    assert len(set(drawn)) == len(drawn)
    assert not set(drawn) & {seed for step in plan.epoch(epoch + 1) for seed in step.seeds}


@given(LENGTHS, st.integers(1, 100))
def test_a_cut_batch_keeps_every_example_and_stays_within_the_tokens(lengths: list[int], most: int) -> None:
    parts = cut(range(len(lengths)), lengths, most)
    assert sorted(index for part in parts for index in part) == list(range(len(lengths)))
    assert all(len(part) == 1 or len(part) * max(lengths[index] for index in part) <= most for part in parts)


@given(LENGTHS, st.integers(1, 9), st.integers(0, 9))
def test_tokens_change_the_forward_passes_and_not_the_steps(lengths: list[int], size: int, seed: int) -> None:
    whole, divided = (
        Plan(lengths, Training(batch_size=size, batch_tokens=tokens), seed).epoch(1) for tokens in (None, 30)
    )
    assert [sorted(step.examples) for step in whole] == [sorted(step.examples) for step in divided]


def test_where_evaluations_and_points_are() -> None:
    plan = Plan([1] * 100, Training(batch_size=10, epochs=2, log_every=4), 0)
    assert (plan.steps_an_epoch, plan.steps) == (10, 20)
    assert [step for step in range(1, 21) if plan.evaluates(step)] == [10, 20]
    assert [step for step in range(1, 21) if plan.logs(step)] == [4, 8, 10, 12, 16, 20]
    assert [plan.epoch_of(step) for step in (1, 10, 11, 20)] == [1, 1, 2, 2]
    assert [plan.epochs_at(step) for step in (3, 10, 15, 20)] == [0.3, 1, 1.5, 2]


def test_steps_as_the_unit() -> None:
    plan = Plan([1] * 100, Training(batch_size=10, max_steps=13, evaluate_every=5, log_every=100), 0)
    assert plan.steps == 13
    assert [step for step in range(1, 14) if plan.evaluates(step)] == [5, 10, 13]
    assert [step for step in range(1, 14) if plan.logs(step)] == [10, 13]
