"""The learning rate range test (Smith 2017): a short run at rising rates shows which of them learn."""

import math
from dataclasses import dataclass, field
from itertools import count, islice

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR

from finetrail.inference.device import Machine, autocast
from finetrail.inference.feeding import feed
from finetrail.models.inputs import Inputs
from finetrail.models.network import Batch, Network, for_model, rows
from finetrail.progress import Track, quiet
from finetrail.targets.learning import Loss
from finetrail.training.learner import Learner
from finetrail.training.plan import Plan
from finetrail.training.schedule import Schedule
from finetrail.training.settings import Training

BLUR = 0.2
"""Decades of the rate over which losses are averaged."""
WIDE = 10 ** (2 * BLUR)
"""The ratio of the rates whose losses show that the loss has turned."""
LEARNED = 0.95
"""A loss that falls below this share of the first one has been lowered by training."""
FLAT = 0.1
"""The part of the fall of the loss that the bottom of the curve may rise again."""

NEAREST, FARTHEST = 3.0, 10.0
"""How many times the rate of a training fits into the rate at which the loss rises."""


@dataclass(frozen=True)
class Sweep:
    """The rates of a test: `steps` of them, exponentially from `low` to `high`."""

    low: float
    high: float
    steps: int

    @property
    def growth(self) -> float:
        """From one step to the next."""
        return math.exp(math.log(self.high / self.low) / (self.steps - 1))


@dataclass(frozen=True)
class RangeTest:
    """What became of the loss.

    Attributes:
        rates: of each step, rising.
        losses: of the batch of each step, before it was taken.
        before: of the same batch, with the weights before the first step.
    """

    rates: list[float] = field(default_factory=list)
    losses: list[float] = field(default_factory=list)
    before: list[float] = field(default_factory=list)

    @property
    def relative(self) -> NDArray[np.float64]:
        """The losses as shares of those before, so that no step differs because its batch is an easy one."""
        losses = np.array(self.losses)
        finite = np.isfinite(losses)
        losses = np.where(finite, losses, 2 * losses[finite].max(initial=0.0))
        before = np.array(self.before)
        relative: NDArray[np.float64] = 1 + (losses - before) / before.mean()
        return relative

    @property
    def smoothed(self) -> NDArray[np.float64]:
        """The same as averages over neighbouring rates."""
        apart = np.log10(self.rates)[:, None] - np.log10(self.rates)[None, :]
        weights = np.exp(-0.5 * (apart / BLUR) ** 2)
        smooth: NDArray[np.float64] = weights @ self.relative / weights.sum(axis=1)
        return smooth

    @property
    def learned(self) -> bool:
        """Whether any rate lowered the loss."""
        return bool(self.smoothed.min() < LEARNED)

    @property
    def turned(self) -> bool:
        """Whether the loss has risen again, half way back: higher rates need not be tried."""
        if not self.learned or not math.isfinite(self.losses[-1]):
            return not math.isfinite(self.losses[-1])
        recent = self.relative[np.array(self.rates) > self.rates[-1] / WIDE]
        return bool(recent.mean() > (1 + self.smoothed.min()) / 2)

    @property
    def edge(self) -> float:
        """The highest rate at which the loss was about as low as anywhere: above it, training becomes unstable."""
        return self.rates[int(self._bottom[-1])]

    @property
    def steepest(self) -> float:
        """The rate at which the loss fell fastest on its way down, by the logarithm of the rate."""
        down = slice(0, max(2, int(self._bottom[0]) + 1))
        falls = np.gradient(self.smoothed[down], np.log10(self.rates[down]))
        return self.rates[int(falls.argmin())]

    @property
    def best(self) -> float:
        """A rate for a whole training: the steepest one, if it is some way below the edge, but not far.

        A head with a rate of its own lowers the loss from the first step on, which says nothing about low rates.
        """
        return min(max(self.steepest, self.edge / FARTHEST), self.edge / NEAREST)

    @property
    def _bottom(self) -> NDArray[np.int64]:
        """The places of the losses that are about as low as any."""
        smooth = self.smoothed
        return np.flatnonzero(smooth <= smooth.min() + FLAT * (1 - smooth.min()))


def range_test(
    model: Network,
    inputs: Inputs,
    settings: Training,
    sweep: Sweep,
    *,
    loss: Loss,
    machine: Machine,
    seed: int,
    track: Track = quiet,
) -> RangeTest:
    """Take optimiser steps of a training whose rate rises, until the loss rises too.

    All rates rise but that of a head which has its own. The order of the examples and the dropouts depend only on the
    seed, and so does the result.

    Args:
        model: new and on its device; this trains it.
        inputs: of the training split, with their targets.
        settings: of the training; the rate is that of the sweep.
    """
    settings = settings.model_copy(update={"learning_rate": sweep.low, "average": None})

    def rising(optimizer: Optimizer, settings: Training, steps: int) -> Schedule:
        heads = [group["lr"] == settings.head_learning_rate != sweep.low for group in optimizer.param_groups]
        return Schedule(LambdaLR(optimizer, [(lambda _: 1.0) if fixed else sweep.growth.__pow__ for fixed in heads]))

    learner = Learner(model, settings, machine, steps=sweep.steps, seed=seed, loss=loss, schedule=rising)
    plan = Plan(inputs.lengths, settings, seed)
    steps = list(islice((step for epoch in count(1) for step in plan.epoch(epoch)), sweep.steps))
    asked = [one for step in steps for one in zip(step.batches, step.seeds, strict=True)]
    fed = feed(inputs, asked, machine.accelerator.device)
    learner.model.train()
    learner.prepare()
    start = _copy(learner.weights())
    found = RangeTest()
    for number, step in enumerate(track(steps, total=len(steps), what="raising the rate"), start=1):
        batches = list(islice(fed, len(step.batches)))
        now = _copy(learner.weights())
        learner.load_weights(start)
        learner.seed(number)  # the dropouts that `gradient` will draw
        found.before.append(_mean_loss(model, batches, loss, machine))
        learner.load_weights(now)
        found.rates.append(learner.schedule.rate)
        found.losses.append(float(learner.gradient(number, batches)))
        if found.turned:
            break
        learner.clip()
        learner.update(number)
    return found


def _mean_loss(model: Network, batches: list[Batch], loss: Loss, machine: Machine) -> float:
    total = 0.0
    with torch.no_grad():
        for batch in batches:
            with autocast(machine.precision, machine.accelerator.device):
                outputs = model(for_model(batch))
            total += float(loss(outputs, batch)) * rows(batch)
    return total / sum(map(rows, batches))


def _copy(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name: tensor.detach().clone() for name, tensor in tensors.items()}
