"""Forecasts of a training: seconds and bytes, from a few of its steps."""

import time
from pathlib import Path
from typing import Any

import pytest
from torch import Tensor, nn

from finetrail.adaptation.full import Full
from finetrail.adaptation.gradual_unfreeze import GradualUnfreeze
from finetrail.adaptation.linear_probe import LinearProbe
from finetrail.adaptation.methods import Adaptation
from finetrail.contents.text.settings import TextBackbone
from finetrail.models.network import Batch
from finetrail.training.pace import Pace, measure
from finetrail.training.settings import Training
from finetrail.training.work import Work
from tests.unit.training.works import small_work

FULL, PROBE = Full(method="full"), LinearProbe(method="linear_probe")


class Clock:
    """Time that passes only in the backbone: a second for each example."""

    now = 0.0


class Slow(nn.Module):
    def __init__(self, inner: nn.Module, clock: Clock) -> None:
        super().__init__()
        self.inner, self.clock = inner, clock

    def forward(self, batch: Batch) -> Tensor:
        self.clock.now += len(batch["input_ids"])
        output: Tensor = self.inner(batch)
        return output


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    found = Clock()
    monkeypatch.setattr(time, "perf_counter", lambda: found.now)
    return found


def slow_work(backbone: TextBackbone, clock: Clock, adaptation: Adaptation, **settings: Any) -> Work:
    work = small_work(backbone, adaptation, batch_size=16, **settings)
    work.built.model.backbone = Slow(work.built.model.backbone, clock)
    adaptation.apply(work.built.model)
    return work


@pytest.mark.parametrize(
    ("adaptation", "passes"),
    [
        # A pass over train and one over val for each of two epochs, and the score of the finished model.
        (FULL, 2 * 128 + 2 * 60 + 60),
        # One pass over each, whatever the epochs, and the score.
        (PROBE, 128 + 60 + 60),
    ],
    ids=["full", "probe"],
)
def test_the_forecast_counts_every_pass(
    backbone: TextBackbone, tmp_path: Path, clock: Clock, adaptation: Adaptation, passes: int
) -> None:
    work = slow_work(backbone, clock, adaptation, epochs=2)
    pace = measure(work, tmp_path)
    assert pace.seconds(work.candidate.train) == pytest.approx(passes, rel=0.1)  # examples are not all of one length
    assert (pace.once > 0) == (adaptation is PROBE)


def test_a_longer_training_costs_more_by_its_steps_and_evaluations() -> None:
    pace = Pace(examples=100, batch=10, once=5.0, step=0.5, evaluation=2.0, scoring=3.0, fixed=1000, kept=200)
    assert pace.seconds(Training(batch_size=10, epochs=1)) == 5 + 10 * 0.5 + 2 + 3
    assert pace.seconds(Training(batch_size=10, epochs=3)) == 5 + 30 * 0.5 + 3 * 2 + 3
    assert pace.seconds(Training(batch_size=10, max_steps=8, evaluate_every=4)) == 5 + 8 * 0.5 + 2 * 2 + 3
    # Twice the examples a step: half the steps, of twice the cost.
    assert pace.seconds(Training(batch_size=10, accumulate=2, epochs=1)) == 5 + 5 * 1.0 + 2 + 3
    assert pace.steps(Training(batch_size=20, epochs=2)) == 10
    assert pace.memory(Training(batch_size=20)) == 1000 + 400


def test_memory_counts_what_trains_four_times(backbone: TextBackbone, tmp_path: Path) -> None:
    """Its weight, gradient and AdamW's two averages, all of four bytes."""
    found = {}
    for adaptation in (FULL, PROBE):
        work = small_work(backbone, adaptation, batch_size=16)
        model = work.built.model
        head = sum(one.numel() for one in model.head.parameters())
        weights = sum(one.nbytes for one in [*model.parameters(), *model.buffers()])
        found[adaptation] = measure(work, tmp_path)
        trained = weights if adaptation is FULL else 4 * head
        buffers = sum(one.nbytes for one in model.buffers())
        steps = 4 * sum(1 for one in model.parameters() if one.requires_grad)  # AdamW counts them for each tensor
        assert weights + 3 * trained - 3 * buffers <= found[adaptation].fixed <= weights + 3 * trained + steps
    assert found[FULL].kept > 16 * 3 * 16 * 4 > found[PROBE].kept > 0  # more than one output of a layer; features


def test_what_thaws_later_counts(backbone: TextBackbone, tmp_path: Path) -> None:
    work = small_work(backbone, GradualUnfreeze(method="gradual_unfreeze"), batch_size=16, epochs=8)
    measure(work, tmp_path)
    assert all(parameter.requires_grad for parameter in work.built.model.parameters())


def test_a_part_of_the_rows_tells_of_all(backbone: TextBackbone, tmp_path: Path, clock: Clock) -> None:
    """Forty times the training rows and ten times the others."""
    work = slow_work(backbone, clock, FULL, epochs=1)
    pace = measure(work, tmp_path, {"train": 40, "val": 10})
    assert pace.examples == 40 * 128
    assert pace.seconds(work.candidate.train) == pytest.approx(40 * 128 + 10 * 60 + 10 * 60, rel=0.1)


def test_few_rows_are_enough(backbone: TextBackbone, tmp_path: Path) -> None:
    work = small_work(backbone, FULL, train=2, val=2, batch_size=16)
    pace = measure(work, tmp_path)
    assert pace.examples == 2
    assert pace.seconds(work.candidate.train) > 0
