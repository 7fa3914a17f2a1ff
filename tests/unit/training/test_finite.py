"""Steps whose loss or gradient is no number: left out, and told; too many in a row are the end."""

import math
from itertools import count
from pathlib import Path

import pytest
import torch
from torch import Tensor

from finetrail.errors import NonFiniteError
from finetrail.models.network import Batch
from finetrail.targets.classes.losses import cross_entropy
from finetrail.targets.learning import Loss
from tests.unit.training.toys import points, train


def broken_at(*steps: int, slope: bool = False) -> Loss:
    """A loss that is NaN, or whose gradient is, at these steps."""
    calls = count(1)

    def loss(logits: Tensor, batch: Batch) -> Tensor:
        fine = cross_entropy()(logits, batch)
        if next(calls) not in steps:
            return fine
        return fine + (logits.sum() * 0).sqrt() if slope else fine * float("nan")  # + 0, with a slope of 0 / 0

    return loss


@pytest.mark.parametrize("slope", [True, False])
@pytest.mark.parametrize("optimizer", ["adamw", "sgd"])
def test_a_skipped_step_changes_nothing_and_is_told_with_its_examples(
    tmp_path: Path, optimizer: str, slope: bool, caplog: pytest.LogCaptureFixture
) -> None:
    loss = broken_at(3, 8, slope=slope)
    run = train(tmp_path, epochs=2, batch_size=16, optimizer=optimizer, nonfinite="skip", log_every=1, loss=loss)
    assert run.fitted.skipped == [3, 8]
    assert [point["step"] for point in run.fitted.train_curve] == [1, 2, 4, 5, 6, 7, 9, 10, 11, 12]
    assert all(torch.isfinite(tensor).all() for tensor in run.weights.values())
    what = "the gradient's norm is nan" if slope else "the loss is nan"
    told = [record.getMessage() for record in caplog.records]
    assert len(told) == 2
    assert told[0].startswith(f"{what} at step 3 (examples example-")
    assert told[0].endswith(" and 8 more): skipped")


def test_the_examples_of_the_step_are_the_ones_that_it_took(tmp_path: Path) -> None:
    taken: list[list[int]] = []

    def loss(logits: Tensor, batch: Batch) -> Tensor:
        taken.append(batch["x"][:, 0].tolist())
        return cross_entropy()(logits, batch) * (float("inf") if len(taken) == 5 else 1)

    with pytest.raises(NonFiniteError, match="the loss is inf at step 5") as caught:
        train(tmp_path, epochs=1, batch_size=4, log_every=100, loss=loss)
    named = str(caught.value).split("(examples ")[1].split(")")[0].split(", ")
    assert [float(points(96, 1).x[int(name.removeprefix("example-")), 0]) for name in named] == taken[4]


def test_ten_steps_in_a_row_are_too_many(tmp_path: Path) -> None:
    with pytest.raises(NonFiniteError, match=r"the loss is nan at step 12 .*, as in the 9 steps before; lower train"):
        train(tmp_path, epochs=4, batch_size=16, nonfinite="skip", loss=broken_at(*range(3, 24)))


def test_an_overflow_of_the_scaled_loss_is_no_error(tmp_path: Path) -> None:
    """The scaler begins at 65,536 and takes half until nothing overflows: the loss here is far steeper."""

    def steep(logits: Tensor, batch: Batch) -> Tensor:
        return cross_entropy()(logits, batch) * 1e4

    run = train(tmp_path, epochs=4, batch_size=16, precision="fp16", loss=steep, learning_rate=1e-3, log_every=1)
    norms = [point["gradient_norm"] for point in run.fitted.train_curve]
    assert not math.isfinite(norms[0])
    assert math.isfinite(norms[-1])
    assert all(torch.isfinite(tensor).all() for tensor in run.weights.values())
