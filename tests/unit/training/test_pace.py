"""Forecasts of a training: seconds and bytes, from a few of its steps."""

import time
from pathlib import Path

import pytest
from torch import Tensor, nn

from finetrail.adaptation.full import Full
from finetrail.adaptation.gradual_unfreeze import GradualUnfreeze
from finetrail.adaptation.linear_probe import LinearProbe
from finetrail.contents.text.settings import TextBackbone
from finetrail.models.network import Batch
from finetrail.training.pace import Pace, measure
from finetrail.training.settings import Training
from tests.unit.training.works import small_work

FULL, PROBE = Full(method="full"), LinearProbe(method="linear_probe")
EACH = 0.002


class Slow(nn.Module):
    """A backbone that needs two milliseconds for each example."""

    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.inner = inner

    def forward(self, batch: Batch) -> Tensor:
        time.sleep(EACH * len(batch["input_ids"]))
        output: Tensor = self.inner(batch)
        return output


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
    backbone: TextBackbone, tmp_path: Path, adaptation: Full | LinearProbe, passes: int
) -> None:
    work = small_work(backbone, adaptation, batch_size=16, epochs=2)
    work.built.model.backbone = Slow(work.built.model.backbone)
    adaptation.apply(work.built.model)
    pace = measure(work, tmp_path)
    assert EACH * passes < pace.seconds(work.candidate.train) < 2 * EACH * passes
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


def test_few_rows_are_enough(backbone: TextBackbone, tmp_path: Path) -> None:
    work = small_work(backbone, FULL, train=2, val=2, batch_size=16)
    pace = measure(work, tmp_path)
    assert pace.examples == 2
    assert pace.seconds(work.candidate.train) > 0
