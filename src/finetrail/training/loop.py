"""The training loop: any classifier, any inputs, any loss. It knows no task and no method of adaptation."""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np
import torch
from torch import Tensor, nn

from finetrail.curves import Point
from finetrail.errors import NonFiniteError
from finetrail.models.classifier import Batch, Classifier
from finetrail.models.inputs import Inputs
from finetrail.models.losses import Loss
from finetrail.models.weights import load_tensors, save_tensors, trainable_tensors
from finetrail.progress import Track, quiet
from finetrail.training.batching import grouped_batches
from finetrail.training.convolutions import FastConvolutions
from finetrail.training.device import lay_out
from finetrail.training.feeding import feed, seeds
from finetrail.training.inference import predict
from finetrail.training.optim import build_optimizer
from finetrail.training.schedule import build_schedule
from finetrail.training.settings import Training

if TYPE_CHECKING:
    from accelerate import Accelerator

Score = Callable[[np.ndarray, np.ndarray], Point]


class Observer(Protocol):
    """Hears of every point of the curves while training goes on; tracking is one."""

    def __call__(self, curve: str, step: int, point: Point) -> None:
        """Args: curve: `train` or `val`. step: optimiser steps so far. point: the values by name."""
        ...


@dataclass(frozen=True)
class Examples:
    """One split, ready to train on. Attributes: targets: class numbers (N,), in the order of the inputs."""

    inputs: Inputs
    targets: np.ndarray


@dataclass
class Fitted:
    """What a training run did.

    Attributes:
        train_curve: a point every `log_every` optimiser steps: step, epoch, loss, learning_rate, gradient_norm.
        val_curve: a point every epoch: epoch, step, loss and the scores.
        samples: examples that went forward and backward.
    """

    epochs: int = 0
    best_epoch: int = 0
    best: float = float("-inf")
    samples: int = 0
    train_curve: list[Point] = field(default_factory=list)
    val_curve: list[Point] = field(default_factory=list)


def fit(
    model: Classifier,
    train: Examples,
    val: Examples,
    settings: Training,
    *,
    loss: Loss,
    score: Score,
    accelerator: "Accelerator",
    seed: int,
    checkpoint: Path,
    observe: Observer,
    start_epoch: Callable[[int], None] = lambda epoch: None,
    track: Track = quiet,
) -> Fitted:
    """Train `model` in place; afterwards it holds the weights of the best epoch on the validation split.

    Args:
        loss: see `finetrail.models.losses`.
        score: maps validation logits (N, K) and class numbers (N,) to values by name, `settings.metric` among them.
        seed: of the order of the examples and of their augmentations; those of a batch depend on the seed, the epoch
            and the batch's number, and on nothing else.
        checkpoint: a safetensors file that holds the best epoch's weights so far, written whole or not at all.
        start_epoch: called with each epoch's number, from 1, before it starts; it may freeze and unfreeze what is
            trainable when `fit` is called.

    Raises:
        NonFiniteError: a loss, gradient or score is NaN or infinite; the checkpoint of the best epoch before stays.
    """
    batches_an_epoch = -(-len(train.inputs) // settings.batch_size)
    steps_an_epoch = -(-batches_an_epoch // settings.accumulate)
    lay_out(model)
    optimizer = build_optimizer(model, settings)
    schedule = build_schedule(optimizer, settings, settings.epochs * steps_an_epoch)
    prepared, accelerated = accelerator.prepare(model, optimizer)
    forward = _within(FastConvolutions(), prepared)
    # What is frozen for a while still belongs to the best epoch.
    changing = set(trainable_tensors(model))
    targets = torch.from_numpy(train.targets)
    fitted = Fitted()
    for epoch in range(1, settings.epochs + 1):
        start_epoch(epoch)
        model.train()
        batches = grouped_batches(train.inputs.lengths, settings.batch_size, seed + epoch)
        fed = feed(train.inputs, batches, accelerator.device, seeds(seed, epoch))
        steps = [batches[at : at + settings.accumulate] for at in range(0, len(batches), settings.accumulate)]
        pending: list[Tensor] = []
        for number, micro_batches in enumerate(
            track(steps, total=len(steps), what=f"epoch {epoch} of {settings.epochs}"), start=1
        ):
            step = (epoch - 1) * steps_an_epoch + number
            total = _accumulate(forward, fed, micro_batches, targets, loss=loss, accelerator=accelerator)
            norm = accelerator.clip_grad_norm_(model.parameters(), settings.clip or float("inf"))
            pending.append(torch.stack((total, norm)))
            rate = schedule.rate
            accelerated.step()
            schedule.step()
            accelerated.zero_grad()
            fitted.samples += sum(map(len, micro_batches))
            if step % settings.log_every == 0 or number == len(steps):
                # The one place that waits for the device.
                values = torch.stack(pending).tolist()
                pending.clear()
                _check_finite(values, step, rate, checkpoint, fitted)
                mean = float(np.mean([value for value, _ in values]))
                point = {"loss": mean, "learning_rate": rate, "gradient_norm": values[-1][1]}
                fitted.train_curve.append({"step": step, "epoch": round(step / steps_an_epoch, 4), **point})
                observe("train", step, point)
        logits = predict(model, val.inputs, settings.batch_size * 2, track, "validating")
        point = score(logits, val.targets)
        _check_scores(point, epoch, checkpoint, fitted)
        fitted.epochs = epoch
        fitted.val_curve.append({"epoch": epoch, "step": step, **point})
        observe("val", step, point)
        if point[settings.metric] > fitted.best:
            fitted.best, fitted.best_epoch = point[settings.metric], epoch
            save_tensors({name: tensor for name, tensor in model.state_dict().items() if name in changing}, checkpoint)
        elif settings.patience is not None and epoch - fitted.best_epoch >= settings.patience:
            break
    accelerator.unwrap_model(prepared, keep_fp32_wrapper=False)
    model.load_state_dict(load_tensors(checkpoint), strict=False)
    model.eval()
    return fitted


def _within(convolutions: FastConvolutions, model: nn.Module) -> Callable[[Batch], Tensor]:
    def forward(batch: Batch) -> Tensor:
        with convolutions:
            logits: Tensor = model(batch)
        return logits

    return forward


def _accumulate(
    forward: Callable[[Batch], Tensor],
    fed: Iterator[Batch],
    micro_batches: list[list[int]],
    targets: Tensor,
    *,
    loss: Loss,
    accelerator: "Accelerator",
) -> Tensor:
    """Forward and backward over the batches of one optimiser step; returns its mean loss."""
    size = sum(map(len, micro_batches))
    total = torch.zeros((), device=accelerator.device)
    for indices in micro_batches:
        batch = next(fed)
        part = loss(forward(batch), targets[indices].to(accelerator.device, non_blocking=True), batch)
        # Each example weighs the same, even if the last batch of an epoch is smaller.
        part = part * (len(indices) / size)
        accelerator.backward(part)
        total += part.detach()
    return total


def _check_finite(values: list[list[float]], step: int, rate: float, checkpoint: Path, fitted: Fitted) -> None:
    """Raise if loss or gradient norm, a pair a step, the newest being `step`, is NaN or infinite."""
    bad = next((index for index, pair in enumerate(values) if not all(map(math.isfinite, pair))), None)
    if bad is None:
        return
    loss, norm = values[bad]
    what = f"the gradient's norm is {norm}" if math.isfinite(loss) else f"the loss is {loss}"
    at = step - len(values) + 1 + bad
    raise _not_finite(f"{what} at step {at} (learning rate {rate:.3g})", checkpoint, fitted)


def _check_scores(point: Point, epoch: int, checkpoint: Path, fitted: Fitted) -> None:
    """Raise if the last step of an epoch ruined the weights, after its loss and gradient were fine."""
    for name, value in point.items():
        if not math.isfinite(value):
            raise _not_finite(f"the validation {name} is {value} after epoch {epoch}", checkpoint, fitted)


def _not_finite(what: str, checkpoint: Path, fitted: Fitted) -> NonFiniteError:
    kept = (
        f"the weights of epoch {fitted.best_epoch} are in {checkpoint}"
        if fitted.best_epoch
        else "no epoch had ended before"
    )
    return NonFiniteError(f"{what}; lower train.learning_rate, or set train.clip or train.precision: fp32; {kept}")
