"""How fast a candidate trains here, and how much memory that takes: a few of its steps, measured."""

import statistics
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import count, islice
from pathlib import Path
from typing import TypeVar

import torch
from torch import nn

from finetrail.inference.batching import sorted_batches
from finetrail.inference.device import autocast, full_precision
from finetrail.inference.feeding import feed
from finetrail.inference.predict import predict
from finetrail.inference.questions import SAMPLE
from finetrail.models.inputs import Inputs
from finetrail.training.drawn import Drawn
from finetrail.training.learner import Learner
from finetrail.training.plan import Plan, Step
from finetrail.training.prepared import prepared
from finetrail.training.settings import Training
from finetrail.training.work import Work

T = TypeVar("T")

STEPS, BATCHES = 5, 2
"""Steps that are timed, after a first one that pays for set-up, and batches of validation rows."""
LONG = 10.0
"""Seconds after which no further step is timed."""


@dataclass(frozen=True)
class Pace:
    """What a training of a candidate costs on this machine, by one process.

    Attributes:
        examples: of the training split.
        batch: examples a step, in the steps that were measured.
        once: seconds to compute the frozen part of all examples; 0 where nothing is frozen at the input.
        step: seconds of one optimiser step.
        evaluation: seconds of one pass over the validation split.
        scoring: the same for the finished model, whole and in full precision.
        fixed: bytes of weights, gradients, optimiser and average.
        kept: bytes that the largest batch keeps for the backward pass; 0 where that is not known.
    """

    examples: int
    batch: int
    once: float
    step: float
    evaluation: float
    scoring: float
    fixed: int
    kept: int

    def steps(self, settings: Training) -> int:
        """Optimiser steps, unless the training stops early."""
        return self._plan(settings).steps

    def evaluations(self, settings: Training) -> int:
        """Passes over the validation split in these steps."""
        plan = self._plan(settings)
        return sum(plan.evaluates(step) for step in range(1, plan.steps + 1))

    def seconds(self, settings: Training) -> float:
        """A forecast of a training to its end, without the start of its process and the reading of rows.

        Args:
            settings: may differ from those measured in its length and evaluations. With another batch size, a step is
                taken to cost in proportion to its examples.
        """
        step = self.step * settings.batch_size * settings.accumulate / self.batch
        evaluating = self.evaluations(settings) * self.evaluation
        return self.once + self.steps(settings) * step + evaluating + self.scoring

    def memory(self, settings: Training) -> int:
        """A forecast of the bytes that model and training need, besides those of the process and its rows."""
        return self.fixed + self.kept * settings.batch_size * settings.accumulate // self.batch

    def _plan(self, settings: Training) -> Plan:
        return Plan(range(self.examples), settings, seed=0)


def measure(work: Work, scratch: Path, times: Mapping[str, float] | None = None) -> Pace:
    """Take a few steps of a training, and answer a part of the validation rows.

    The steps are spread from the largest to the smallest of the first epoch, so that padding weighs as much as in the
    whole epoch. All that the method ever unfreezes trains.

    Args:
        work: with a new model. This trains it: build another one for the training itself.
        scratch: a folder for what does not fit into memory.
        times: where the work holds only some of the rows, how many times as many each split has.

    Raises:
        RuntimeError, MemoryError: memory is too small for a batch.
    """
    candidate = work.candidate.trained_with(processes=1, fsdp=False)
    settings = candidate.train
    whole, model, adaptation = work.inputs, work.built.model, work.candidate.adaptation
    plan = Plan(whole["train"].lengths, settings, work.seed)
    ordered = sorted(plan.epoch(1), key=lambda step: -_tokens(step, plan.lengths))
    steps = [ordered[0], *_spread(ordered, STEPS)]
    batches = _spread(sorted_batches(whole["val"].lengths, settings.batch_size * 2), BATCHES)
    drawn: dict[str, Inputs] = {
        "train": Drawn(whole["train"], [example for step in steps for example in step.examples]),
        "val": Drawn(whole["val"], [example for batch in batches for example in batch]),
    }
    with prepared(replace(work, candidate=candidate, inputs=drawn), scratch) as ready:
        device = ready.machine.accelerator.device
        learner = Learner(model, settings, ready.machine, steps=plan.steps, seed=work.seed, loss=ready.objective.loss)
        adaptation.start_epoch(model, plan.epoch_of(plan.steps))
        taken = _times(learner, ready.inputs["train"], steps, device)
        with autocast(ready.machine.precision, device):
            evaluation = _answering(work, ready.inputs["val"])
    with full_precision():
        scoring = _answering(work, drawn["val"])
    times = times or dict.fromkeys(whole, 1.0)
    size = {split: times[split] * _size(inputs) for split, inputs in whole.items()}
    part = _size(drawn["val"]) / size["val"]
    sampled = min(1.0, SAMPLE / len(whole["val"]) / times["val"]) if adaptation.merges else 0.0
    return Pace(
        examples=round(times["train"] * len(whole["train"])),
        batch=settings.batch_size * settings.accumulate,
        once=ready.seconds * sum(size.values()) / sum(map(_size, drawn.values())) if ready.frozen else 0.0,
        step=statistics.fmean(taken[1:]),
        evaluation=evaluation / part,
        scoring=scoring / part * (1 + 2 * sampled),  # the sample, before and after the merge
        fixed=_fixed(model, learner),
        kept=learner.activations,
    )


def _spread(items: Sequence[T], count: int) -> list[T]:
    """The items in the middle of so many equal parts; all, if there are fewer."""
    count = min(count, len(items))
    return [items[(2 * part + 1) * len(items) // (2 * count)] for part in range(count)]


def _tokens(step: Step, lengths: Sequence[int]) -> int:
    """With padding."""
    return sum(len(batch) * max(lengths[example] for example in batch) for batch in step.batches)


def _size(inputs: Inputs) -> int:
    return sum(inputs.lengths)


def _times(learner: Learner, inputs: Inputs, steps: Sequence[Step], device: torch.device) -> list[float]:
    """The seconds of each step. Args: inputs: the examples of the steps, one after the other."""
    places = count()
    asked = [
        ([next(places) for _ in batch], seed)
        for step in steps
        for batch, seed in zip(step.batches, step.seeds, strict=True)
    ]
    fed = feed(inputs, asked, device)
    learner.model.train()
    learner.prepare()
    found: list[float] = []
    for number, step in enumerate(steps, start=1):
        began = time.perf_counter()
        learner.gradient(number, list(islice(fed, len(step.batches))))
        learner.clip().item()  # waits for the device
        learner.update(number)
        found.append(time.perf_counter() - began)
        if sum(found) > LONG and number > 1:
            break
    return found


def _answering(work: Work, inputs: Inputs) -> float:
    """The seconds of a pass over some inputs."""
    began = time.perf_counter()
    predict(work.built.model, inputs, work.built.learning.keep, work.candidate.train.batch_size * 2)
    return time.perf_counter() - began


def _fixed(model: nn.Module, learner: Learner) -> int:
    """Bytes of all weights and, for those that train, of their gradients and of what the optimiser keeps."""
    weights = sum(tensor.nbytes for tensor in [*model.parameters(), *model.buffers()])
    gradients = sum(one.nbytes for one in model.parameters() if one.requires_grad)
    kept = sum(one.nbytes for name, one in learner.tensors().items() if not name.startswith("model."))
    return weights + gradients + kept
