"""A model that learns: one optimiser step at a time, and all that must be kept so that the next one is the same."""

import random
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn

from finetrail.models.classifier import Batch, Classifier
from finetrail.models.losses import Loss
from finetrail.models.weights import trainable_tensors
from finetrail.training import memory, processes
from finetrail.training.averaging import build_average
from finetrail.training.convolutions import FastConvolutions
from finetrail.training.device import Precision, autocast, lay_out
from finetrail.training.optim import build_optimizer
from finetrail.training.schedule import build_schedule
from finetrail.training.settings import Training

if TYPE_CHECKING:
    from accelerate import Accelerator


class Learner:
    """Model, optimiser, schedule, scaled loss and average of the weights.

    Args:
        model: with what trains marked so; laid out and wrapped here.
        steps: optimiser steps in all, for the schedule.
        seed: of the dropouts. Before each step all random numbers are seeded with it and the number of the step, so
            that nothing of their state has to be kept: step 1,000 is the same after a crash as without.
    """

    def __init__(
        self,
        model: Classifier,
        settings: Training,
        *,
        steps: int,
        seed: int,
        loss: Loss,
        accelerator: "Accelerator",
        precision: Precision,
    ) -> None:
        self.model = model
        self.most = 0
        """Examples a forward pass, once memory was too small for more; 0: whole batches."""
        self._settings, self._seed, self._loss, self._accelerator = settings, seed, loss, accelerator
        self._precision = precision
        lay_out(model)
        # What is frozen for a while still belongs to a checkpoint.
        self._changing = set(trainable_tensors(model))
        if settings.compile:
            model.compile()
        self._optimizer = build_optimizer(model, settings)
        self._prepared: nn.Module = model
        self._prepared_for: list[bool] = []
        self.schedule = build_schedule(self._optimizer, settings, steps)
        self.average = build_average(model, settings, steps)
        self._scaler = torch.amp.GradScaler(accelerator.device.type, enabled=precision == "fp16")
        self._convolutions = FastConvolutions()

    def prepare(self) -> None:
        """To be called when other parameters train than before: wraps the model for several processes."""
        trains = [parameter.requires_grad for parameter in self.model.parameters()]
        if processes.world() > 1 and trains != self._prepared_for:
            self._prepared = self._accelerator.prepare_model(self.model)
            self._prepared_for = trains

    def seed(self, step: int) -> None:
        """Seed python, numpy and torch for a step; each process draws its own."""
        drawn = np.random.SeedSequence((self._seed, step, processes.rank())).generate_state(3, np.uint64)
        random.seed(int(drawn[0]))
        np.random.seed(int(drawn[1]) % 2**32)
        torch.manual_seed(int(drawn[2]))

    def gradient(self, step: int, batches: list[Batch]) -> Tensor:
        """Forward and backward over the batches of a step. Returns their mean loss, over all processes.

        Raises:
            RuntimeError, MemoryError: memory is too small; no gradient is left.
        """
        self.seed(step)
        size = sum(map(memory.rows, batches))
        parts = [part for batch in batches for part in memory.parts(batch, self.most or memory.rows(batch))]
        total = torch.zeros((), device=self._accelerator.device)
        try:
            for number, part in enumerate(parts, start=1):
                own, rows = self._share(part)
                with self._exchange(number == len(parts)):
                    targets = own.pop("targets")
                    with self._convolutions, autocast(self._precision, self._accelerator.device):
                        logits = self._prepared(own)
                    # Each example weighs the same, however batches and processes divide them.
                    loss = self._loss(logits, targets, own) * (rows / size)
                    torch.autograd.backward(self._scaler.scale(loss * processes.world()))
                total += loss.detach()
        except (RuntimeError, MemoryError):
            self._optimizer.zero_grad()
            raise
        return processes.total(total)

    def clip(self) -> Tensor:
        """Clip the gradient; returns its norm before."""
        self._scaler.unscale_(self._optimizer)
        norm: Tensor = self._accelerator.clip_grad_norm_(self.model.parameters(), self._settings.clip or float("inf"))
        return norm

    def update(self, step: int, *, skip: bool = False) -> None:
        """Change the weights by the gradient, or leave them as they are; the schedule goes on."""
        if not skip:
            self._scaler.step(self._optimizer)
        self._scaler.update()
        self._optimizer.zero_grad()
        self.schedule.step()
        if self.average is not None:
            self.average.after_step(step)

    def averaged(self) -> AbstractContextManager[None]:
        """Within this context the model has its averaged weights, if there is an average."""
        return self.average.applied() if self.average is not None and self.average.ready else nullcontext()

    def weights(self) -> dict[str, Tensor]:
        """What training changes of the model."""
        return {name: tensor for name, tensor in self.model.state_dict().items() if name in self._changing}

    def tensors(self) -> dict[str, Tensor]:
        """All tensors that a checkpoint must have, by name."""
        found = {f"model.{name}": tensor for name, tensor in self.weights().items()}
        for index, entries in self._optimizer.state_dict()["state"].items():
            for name, value in entries.items():
                if isinstance(value, Tensor):
                    found[f"optimizer.{index}.{name}"] = value
        if self.average is not None:
            found |= {f"average.{name}": tensor for name, tensor in self.average.state_dict().items()}
        return found

    def state(self) -> dict[str, Any]:
        """All JSON values that a checkpoint must have."""
        described = self._optimizer.state_dict()
        groups = [
            {key: value for key, value in group.items() if key != "params"} for group in described["param_groups"]
        ]
        plain = {
            str(index): {name: value for name, value in entries.items() if not isinstance(value, Tensor)}
            for index, entries in described["state"].items()
        }
        return {
            "optimizer": {"groups": groups, "state": plain},
            "schedule": self.schedule.state_dict(),
            "scaler": self._scaler.state_dict(),
            "convolutions": self._convolutions.state(),
            "most": self.most,
        }

    def restore(self, tensors: dict[str, Tensor], state: dict[str, Any]) -> None:
        """Take up what `tensors` and `state` gave."""
        sorted_in: dict[str, dict[str, Tensor]] = {"model": {}, "optimizer": {}, "average": {}}
        for name, tensor in tensors.items():
            kind, _, rest = name.partition(".")
            sorted_in[kind][rest] = tensor
        self.model.load_state_dict(sorted_in["model"], strict=False)
        entries: dict[int, dict[str, Any]] = {int(index): dict(of) for index, of in state["optimizer"]["state"].items()}
        for name, tensor in sorted_in["optimizer"].items():
            index, _, key = name.partition(".")
            entries[int(index)][key] = tensor
        groups = [
            described | {"params": group["params"]}
            for described, group in zip(
                state["optimizer"]["groups"], self._optimizer.state_dict()["param_groups"], strict=True
            )
        ]
        self._optimizer.load_state_dict({"state": entries, "param_groups": groups})
        self.schedule.load_state_dict(state["schedule"])
        self._scaler.load_state_dict(state["scaler"])
        self._convolutions.load_state(state["convolutions"])
        self.most = state["most"]
        if self.average is not None:
            self.average.load_state_dict(sorted_in["average"])

    def _share(self, batch: Batch) -> tuple[Batch, int]:
        """This process's examples of a batch, and how many of them count: every process needs one to go along."""
        if processes.world() == 1:
            return dict(batch), memory.rows(batch)
        own = {name: tensor[processes.rank() :: processes.world()] for name, tensor in batch.items()}
        if memory.rows(own):
            return own, memory.rows(own)
        return {name: tensor[:1] for name, tensor in batch.items()}, 0

    def _exchange(self, last: bool) -> AbstractContextManager[None]:
        """Processes exchange gradients once a step, with the last of its parts."""
        if last or processes.world() == 1:
            return nullcontext()
        waiting: AbstractContextManager[None] = self._accelerator.no_sync(self._prepared)
        return waiting
