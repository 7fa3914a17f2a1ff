"""A training that is cut off at any point and taken up again is the training that was never cut off, bit for bit."""

import tempfile
from contextlib import suppress
from itertools import count
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from finetrail.models.network import Batch, Network
from finetrail.targets.classes.losses import cross_entropy
from finetrail.targets.learning import Loss
from finetrail.training.checkpoints import Checkpoints
from tests.unit.training.toys import Run, new_model, points, train

pytestmark = pytest.mark.slow

STEPS_AN_EPOCH = 6
COMMON: dict[str, Any] = {"epochs": 3, "batch_size": 16, "log_every": 4, "checkpoint_seconds": 0}
OPTIONS: list[dict[str, Any]] = [
    {},
    {"optimizer": "sgd", "momentum": 0.9, "nesterov": True},
    {"optimizer": "lion", "schedule": "one_cycle", "warmup": 0.3},
    {"optimizer": "muon", "accumulate": 2},
    {"optimizer": "adafactor", "schedule": "linear", "warmup": 3.0},
    {"average": "ema", "ema_decay": 0.9, "evaluate_every": 4},
    {"average": "swa", "swa_start": 0.3},
    {"schedule": "plateau", "plateau_patience": 1, "evaluate_every": 2},
    {"max_steps": 13, "patience": 2, "evaluate_every": 3},
    {"precision": "fp16"},
    {"precision": "bf16"},
]


class CutError(Exception):
    """What stands for a crash where a real one would take too long; see test_killed.py."""


class Noisy(nn.Module):
    """A backbone with everything that has a state: dropout, running statistics."""

    def __init__(self) -> None:
        super().__init__()
        self.layer, self.norm, self.dropout = nn.Linear(4, 8), nn.BatchNorm1d(8), nn.Dropout(0.3)

    def forward(self, batch: Batch) -> Tensor:
        hidden: Tensor = self.dropout(self.norm(torch.tanh(self.layer(batch["x"]))))
        return hidden


def noisy() -> Network:
    torch.manual_seed(7)
    return Network(Noisy(), nn.Linear(8, 3), dropout=0.1)


def cutting(at: int) -> Loss:
    """A loss that is a crash when it is asked for the last time."""
    calls = count(1)

    def loss(logits: Tensor, batch: Batch) -> Tensor:
        if next(calls) == at:
            raise CutError
        return cross_entropy()(logits, batch)

    return loss


def equal(one: Run, other: Run) -> bool:
    same = all(torch.equal(one.weights[name], other.weights[name]) for name in one.weights)
    curves = [(run.fitted.train_curve, run.fitted.val_curve, run.fitted.best_step) for run in (one, other)]
    return same and curves[0] == curves[1]


@pytest.mark.parametrize("options", OPTIONS, ids=lambda options: "-".join(map(str, options.values())) or "defaults")
@settings(max_examples=6, deadline=None)
@given(cuts=st.lists(st.integers(1, 14), min_size=1, max_size=3))
def test_a_training_that_was_cut_off_ends_as_one_that_was_not(options: dict[str, Any], cuts: list[int]) -> None:
    given = COMMON | options
    with tempfile.TemporaryDirectory() as one, tempfile.TemporaryDirectory() as other:
        whole = train(Path(one), model=noisy(), **given)
        for at in cuts:
            with suppress(CutError):
                train(Path(other), model=noisy(), resume=True, loss=cutting(at), **given)
        torch.manual_seed(at)  # whatever else used random numbers
        assert equal(train(Path(other), model=noisy(), resume=True, **given), whole)


class Convolved(nn.Module):
    """A backbone whose weights lie in memory channels last, and the averages of the optimiser with them."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Conv2d(4, 8, 2)

    def forward(self, batch: Batch) -> Tensor:
        return torch.tanh(self.layer(batch["x"][:, :, None, None].expand(-1, -1, 2, 2))).flatten(1)


@pytest.mark.parametrize("options", OPTIONS[:5], ids=lambda options: "-".join(map(str, options.values())) or "defaults")
def test_so_does_one_of_convolutions(options: dict[str, Any], tmp_path: Path) -> None:
    def convolved() -> Network:
        torch.manual_seed(7)
        return Network(Convolved(), nn.Linear(8, 3))

    given = COMMON | options
    whole = train(tmp_path / "whole", model=convolved(), **given)
    with pytest.raises(CutError):
        train(tmp_path / "cut", model=convolved(), loss=cutting(8), **given)
    assert equal(train(tmp_path / "cut", model=convolved(), resume=True, **given), whole)


def test_nothing_is_done_twice(tmp_path: Path) -> None:
    with pytest.raises(CutError):
        train(tmp_path, model=noisy(), loss=cutting(9), **COMMON)
    calls = count()

    def counting(logits: Tensor, batch: Batch) -> Tensor:
        next(calls)
        return cross_entropy()(logits, batch)

    train(tmp_path, model=noisy(), resume=True, loss=counting, **COMMON)
    assert next(calls) == 3 * STEPS_AN_EPOCH - 8


def test_a_damaged_checkpoint_gives_way_to_the_one_before(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    whole = train(tmp_path / "whole", model=noisy(), **COMMON)
    with pytest.raises(CutError):
        train(tmp_path / "cut", model=noisy(), loss=cutting(9), **COMMON)
    newest = max((tmp_path / "cut").glob("step-*.safetensors"))
    data = bytearray(newest.read_bytes())
    data[len(data) // 2] ^= 1
    newest.write_bytes(data)
    assert equal(train(tmp_path / "cut", model=noisy(), resume=True, **COMMON), whole)
    assert f"{newest.name} is damaged; the checkpoint before it is used" in caplog.text


def test_a_longer_training_with_a_constant_rate_goes_on_as_if_it_had_been_so_long_from_the_start(
    tmp_path: Path,
) -> None:
    constant = COMMON | {"schedule": "constant", "warmup": 2.0}
    whole = train(tmp_path / "whole", model=noisy(), **constant | {"epochs": 5})
    train(tmp_path / "longer", model=noisy(), **constant)
    assert equal(train(tmp_path / "longer", model=noisy(), resume=True, **constant | {"epochs": 5}), whole)


def test_the_seed_of_a_step_is_its_own(tmp_path: Path) -> None:
    """What other code draws from the random numbers changes nothing."""
    drawn = iter(range(10**6))

    def drawing(logits: Tensor, batch: Batch) -> Tensor:
        torch.rand(next(drawn) % 7)
        return cross_entropy()(logits, batch)

    assert equal(
        train(tmp_path / "one", model=noisy(), loss=drawing, **COMMON),
        train(tmp_path / "other", model=noisy(), **COMMON),
    )


def test_what_is_frozen_is_not_in_a_checkpoint(tmp_path: Path) -> None:
    model = new_model()
    model.backbone.requires_grad_(False)
    train(tmp_path, model=model, **COMMON)
    newest = Checkpoints(tmp_path).newest()
    assert newest is not None
    assert {name for name in newest.tensors if name.startswith("model.")} == {"model.head.weight", "model.head.bias"}
    assert len(points(96, 1)) == STEPS_AN_EPOCH * COMMON["batch_size"]
