"""The loop on numbers: it learns them, keeps the evaluation of the lowest error, and goes on after a crash."""

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from finetrail.evaluation.scores.metric import Point
from finetrail.inference.device import Machine, build_accelerator
from finetrail.inference.feeding import Examples
from finetrail.inference.predict import Kept
from finetrail.models.network import Batch, Network
from finetrail.targets.numbers import NUMBERS
from finetrail.targets.numbers.learning import NumberLearning
from finetrail.targets.numbers.settings import NumberTraining
from finetrail.targets.target import metric_named
from finetrail.training.checkpoints import Checkpoints
from finetrail.training.fitted import Fitted
from finetrail.training.loop import fit
from finetrail.training.settings import Training
from finetrail.training.steps import Objective, Records
from tests.unit.training.toys import Layer, Points, names

SETTINGS: dict[str, Any] = {"precision": "fp32", "learning_rate": 0.03, "epochs": 6}


class Settings(NumberTraining, Training):
    """Section `train` of a task of numbers."""


@cache
def plane(count: int, seed: int) -> tuple[Points, list[float]]:
    """Points, and a number in some unit that depends on them."""
    x = torch.randn(count, 4, generator=torch.Generator().manual_seed(seed))
    return Points(x), [round(value, 4) for value in (5000 + 300 * x[:, 0] - 100 * x[:, 1]).tolist()]


@dataclass(frozen=True)
class Run:
    model: Network
    fitted: Fitted
    learning: NumberLearning

    def errors(self) -> np.ndarray:
        """Of the finished model, on points that it has not seen."""
        self.learning.finish(self.model)
        points, labels = plane(50, 3)
        with torch.no_grad():
            said = self.model({"x": points.x})[:, 0].numpy()
        errors: np.ndarray = said - np.array(labels)
        return errors


def train(folder: Path, *, cut: int = 0, resume: bool = False, **changes: Any) -> Run:
    """Args: cut: raise in the forward pass of that number."""
    settings = Settings(**(SETTINGS | changes))
    (points, labels), (val, val_labels) = plane(96, 1), plane(60, 2)
    learning = NUMBERS.learn(labels, settings)
    with torch.random.fork_rng():
        torch.manual_seed(7)
        model = Network(Layer(), learning.head(8))
    checkpoints = Checkpoints(folder)
    own = learning.loss(settings, labels)
    passes = iter(range(1, 10**6))

    def loss(outputs: Tensor, batch: Batch) -> Tensor:
        if next(passes) == cut:
            raise InterruptedError
        return own(outputs, batch)

    def score(kept: Kept) -> Point:
        return learning.score(kept, val, val_labels)

    train = Examples(points.labelled(learning.encode(labels, points)), names(96))
    objective = Objective(loss, learning.keep, score, metric_named(NUMBERS.metrics, settings.metric))
    fitted = fit(
        model,
        {"train": train, "val": Examples(val, names(60))},
        settings,
        objective=objective,
        machine=Machine(build_accelerator(), "fp32"),
        records=Records(checkpoints, lambda *heard: None, checkpoints.newest() if resume else None),
        seed=0,
    )
    return Run(model, fitted, learning)


@pytest.mark.parametrize("loss", ["mse", "huber", "mae"])
def test_every_loss_learns_the_numbers_in_their_own_unit(loss: str, tmp_path: Path) -> None:
    run = train(tmp_path, loss=loss, epochs=20)
    assert np.abs(run.errors()).mean() < 60  # the labels deviate by some 300


@pytest.mark.parametrize(("metric", "best"), [("rmse", min), ("mae", min), ("r2", max), ("spearman", max)])
def test_the_kept_evaluation_is_the_best_in_the_direction_of_the_metric(metric: str, best: Any, tmp_path: Path) -> None:
    # A rate so high that the last evaluation is not the best one.
    fitted = train(tmp_path, metric=metric, learning_rate=0.4, schedule="constant", epochs=8).fitted
    values = [point[metric] for point in fitted.val_curve]
    assert fitted.val_curve[values.index(best(values))]["epoch"] == fitted.best_epoch
    assert values[-1] != best(values)


def test_patience_and_plateau_wait_for_a_lower_error(tmp_path: Path) -> None:
    settings: dict[str, Any] = {"learning_rate": 0.4, "epochs": 30, "warmup": 0.0}
    fitted = train(tmp_path / "patience", patience=2, schedule="constant", **settings).fitted
    assert fitted.epochs == fitted.best_epoch + 2 < 30
    rates = [point["learning_rate"] for point in train(tmp_path, schedule="plateau", **settings).fitted.train_curve]
    assert rates[0] == 0.4 > rates[-1]


def test_a_training_that_was_cut_off_goes_on_to_the_same_bits(tmp_path: Path) -> None:
    given: dict[str, Any] = {"checkpoint_seconds": 0.0, "batch_size": 16}
    whole = train(tmp_path / "whole", **given)
    with pytest.raises(InterruptedError):
        train(tmp_path / "cut", cut=15, **given)
    again = train(tmp_path / "cut", resume=True, **given)
    assert again.fitted.val_curve == whole.fitted.val_curve
    for name, tensor in whole.model.state_dict().items():
        assert torch.equal(again.model.state_dict()[name], tensor)


def test_accumulated_batches_are_as_one(tmp_path: Path) -> None:
    one = train(tmp_path / "one", batch_size=96, clip=None)
    other = train(tmp_path / "other", batch_size=24, accumulate=4, clip=None)
    np.testing.assert_allclose(one.errors(), other.errors(), atol=0.05)
