"""A training step by step: what each step records, and what is due after it."""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
import torch
from torch import Tensor, nn

from finetrail.errors import TrainingError
from finetrail.evaluation.scores.metric import Metric, Point
from finetrail.inference import memory, processes
from finetrail.inference.device import Precision, autocast
from finetrail.inference.predict import Keep, Kept, predict
from finetrail.models.inputs import Inputs
from finetrail.models.network import Batch, rows
from finetrail.progress import Track, quiet
from finetrail.targets.learning import Loss
from finetrail.training.checkpoints import Checkpoint, Checkpoints
from finetrail.training.finite import Watch
from finetrail.training.fitted import Fitted
from finetrail.training.learner import Learner
from finetrail.training.plan import Plan
from finetrail.training.schedule import depends_on_length
from finetrail.training.settings import Training

log = logging.getLogger(__name__)


class Observer(Protocol):
    """Receives every point of the curves during training; tracking is one."""

    def __call__(self, curve: str, step: int, point: Point) -> None:
        """Args: curve: `train` or `val`. step: optimiser steps so far. point: the values by name."""
        ...


@dataclass(frozen=True)
class Objective:
    """What to learn, and how to score an evaluation.

    Attributes:
        loss: of a batch.
        keep: picks what to keep of a model's outputs.
        score: maps what was kept of the validation split to values by name, `metric` among them.
        metric: picks the best evaluation.
    """

    loss: Loss
    keep: Keep
    score: Callable[[Kept], Point]
    metric: Metric


@dataclass(frozen=True)
class Records:
    """Where a training writes its progress.

    Attributes:
        checkpoints: where checkpoints and best weights are written.
        observe: receives the points of the curves.
        resume: a checkpoint of the same training to resume from.
        last: whether to write one after the last step, so that the finished training can be had again.
    """

    checkpoints: Checkpoints
    observe: Observer
    resume: Checkpoint | None = None
    track: Track = quiet
    last: bool = False


@dataclass
class Stepper:
    """A training in progress: `take` a step, then do what is due `after_step`.

    Attributes:
        val: the validation split.
        fitted: the progress so far.
        new: the steps not yet fetched from the device, each with its loss and norm.
        began, saved: when time was last counted, and when the last checkpoint was written.
    """

    learner: Learner
    plan: Plan
    val: Inputs
    settings: Training
    objective: Objective
    precision: Precision
    records: Records
    watch: Watch
    fitted: Fitted = field(default_factory=Fitted)
    new: list[tuple[int, Tensor]] = field(default_factory=list)
    began: float = field(default_factory=time.monotonic)
    saved: float = field(default_factory=time.monotonic)

    @property
    def over(self) -> bool:
        """Whether training has ended, after its last step or for lack of progress."""
        fitted, patience = self.fitted, self.settings.patience
        tired = patience is not None and sum(point["step"] > fitted.best_step for point in fitted.val_curve) >= patience
        return fitted.step >= self.plan.steps or tired

    def take(self, batches: list[Batch]) -> None:
        """Take one optimiser step; write a checkpoint if one is due."""
        fitted, learner = self.fitted, self.learner
        step = fitted.step + 1
        loss = self._gradient(step, batches)
        norm = learner.clip()
        fitted.rate = learner.schedule.rate
        pair = torch.stack((loss, norm.to(loss)))
        skip = self.settings.nonfinite == "skip" and self.watch.skips(pair, step, fitted)
        if not skip:
            self.new.append((step, pair))
        learner.update(step, skip=skip)
        fitted.step = step
        fitted.activations = learner.activations or fitted.activations
        fitted.samples += sum(map(rows, batches))
        if learner.average is not None and (self.plan.ends_epoch(step) or step == self.plan.steps):
            learner.average.after_epoch(step)
        if self._due():
            self._save()

    def after_step(self) -> None:
        """Log and evaluate after a step if due, even if the step was taken before a crash."""
        step = self.fitted.step
        if self.plan.logs(step):
            self._log(step)
        if self.plan.evaluates(step):
            self._evaluate(step)

    def load_best(self, model: nn.Module) -> None:
        """Put the best weights of all evaluations into `model`, on every process."""
        state = model.state_dict()
        weights = {name: state[name] for name in state if name in self.learner.changing}
        if processes.rank() == 0:
            for name, tensor in self.records.checkpoints.load_best(self.fitted.best_file).items():
                weights[name].copy_(tensor)
        processes.share(weights.values())

    def _gradient(self, step: int, batches: list[Batch]) -> Tensor:
        while True:
            try:
                return self.learner.gradient(step, batches)
            except (RuntimeError, MemoryError) as error:
                if not memory.out_of_memory(error):
                    raise
            most = self.learner.most or max(map(rows, batches))
            # Processes that divide a batch differently would wait for each other forever.
            if most == 1 or processes.world() > 1:
                raise TrainingError(
                    f"step {step}: memory is too small for {-(-most // processes.world())} examples per forward pass; "
                    "set train.gradient_checkpointing, a smaller batch_size with more accumulate, or a smaller backbone"
                )
            self.learner.most = -(-most // 2)
            log.warning(
                "out of memory at step %d with %d examples per forward pass: %d from here on; the global batch "
                "stays %d",
                step,
                most,
                self.learner.most,
                sum(map(rows, batches)),
            )

    def _log(self, step: int) -> None:
        values = self._fetch()
        self.fitted.pending = []
        if not values:  # all were skipped
            return
        mean = float(np.mean([loss for _, loss, _ in values]))
        point = {"loss": mean, "learning_rate": self.fitted.rate, "gradient_norm": values[-1][-1]}
        self.fitted.train_curve.append({"step": step, "epoch": self.plan.epochs_at(step), **point})
        self.records.observe("train", step, point)

    def _evaluate(self, step: int) -> None:
        fitted, learner = self.fitted, self.learner
        with learner.averaged():
            with autocast(self.precision, next(learner.model.parameters()).device):
                size, track = self.settings.batch_size * 2, self.records.track
                kept = predict(learner.model, self.val, self.objective.keep, size, track=track, what="validating")
            point = self.objective.score(kept)
            self.watch.check_scores(point, step, fitted)
            epoch = self.plan.epochs_at(step)
            fitted.val_curve.append({"epoch": epoch, "step": step, **point})
            self.records.observe("val", step, fitted.val_curve[-1])
            metric = self.objective.metric
            value = metric.goodness(point[metric.name])
            if value > fitted.best:
                fitted.best, fitted.best_step, fitted.best_epoch = value, step, epoch
                weights = learner.weights()
                if processes.rank() == 0:
                    fitted.best_file = self.records.checkpoints.save_best(step, weights)
        learner.schedule.judge(value)

    def _fetch(self) -> list[list[float]]:
        """Step, loss and norm since the last point of the curve. The one place that waits for the device."""
        if self.new:
            pairs = torch.stack([pair for _, pair in self.new]).tolist()
            self.fitted.pending += [[step, *pair] for (step, _), pair in zip(self.new, pairs, strict=True)]
            self.new.clear()
            self.watch.check(self.fitted)
        return self.fitted.pending

    def _due(self) -> bool:
        # A training that is made longer later resumes from its last step.
        wanted = self.records.last or not depends_on_length(self.settings)
        last = wanted and self.fitted.step == self.plan.steps
        due = last or time.monotonic() - self.saved >= self.settings.checkpoint_seconds
        if processes.world() == 1:
            return due
        # Processes agree only at points where they wait for each other anyway.
        return self.plan.logs(self.fitted.step) and processes.agreed(due)

    def _save(self) -> None:
        self._fetch()  # raises before NaN or infinite weights are saved
        fitted = self.fitted
        now = time.monotonic()
        fitted.seconds += now - self.began
        self.began = now
        state = {
            "fitted": fitted.as_json(),
            "learner": self.learner.state(),
            "best": fitted.best_file,
            "precision": self.precision,
        }
        tensors = self.learner.tensors()
        if processes.rank() == 0:
            self.records.checkpoints.save(fitted.step, tensors, state)
        self.saved = time.monotonic()
