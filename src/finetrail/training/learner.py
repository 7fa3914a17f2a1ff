"""A model that learns one optimiser step at a time, and the state that makes its next step reproducible."""

import random
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from finetrail.adaptation.callback import Callback
from finetrail.inference import memory, processes
from finetrail.inference.device import Machine, autocast, lay_out, seed_torch
from finetrail.models.network import Batch, Network, for_model, parts, rows
from finetrail.models.weights import trainable_tensors
from finetrail.targets.learning import Loss
from finetrail.training.attention import training_attention
from finetrail.training.averaging import build_average
from finetrail.training.convolutions import FastConvolutions
from finetrail.training.optim import build_optimizer
from finetrail.training.schedule import Schedule, build_schedule
from finetrail.training.settings import Training
from finetrail.training.sharding import divided, shard, whole


class Learner:
    """Model, optimiser, schedule, scaled loss and average of the weights.

    Args:
        model: with its trainable parameters marked; laid out and wrapped here.
        machine: where it trains.
        steps: optimiser steps in all, for the schedule and the average.
        seed: of the dropouts. Before each step all random numbers are seeded with it and the number of the step, so
            checkpoints need no random state: step 1,000 is the same with or without a crash before it.
        schedule: builds the one that sets the rates.
    """

    def __init__(
        self,
        model: Network,
        settings: Training,
        machine: Machine,
        *,
        steps: int,
        seed: int,
        loss: Loss,
        schedule: Callable[[Optimizer, Training, int], Schedule] = build_schedule,
    ) -> None:
        self.model = shard(model, checkpoint=settings.gradient_checkpointing) if settings.fsdp else model
        self.most = 0
        """Examples a forward pass, once memory was too small for more; 0: whole batches."""
        self.activations = 0
        """Bytes that one forward pass keeps for the backward pass; 0 before the first, and where it is not known."""
        self.divides = True
        """Whether each process has its share of a batch; else each has all of it."""
        self.callback = Callback()
        """What the method of adaptation does between the steps."""
        self._settings, self._seed, self._loss, self._steps = settings, seed, loss, steps
        self._accelerator, self._precision = machine.accelerator, machine.precision
        lay_out(model := self.model)
        self.changing = set(trainable_tensors(model))
        """The names of what training changes, including what is frozen for a while: checkpoints hold it."""
        if settings.compile:
            torch.use_deterministic_algorithms(torch.are_deterministic_algorithms_enabled())  # the compiler hears of it
            model.compile()
        self._optimizer = build_optimizer(model, settings)
        self._prepared: nn.Module = model
        self._prepared_for: list[bool] = []
        self.schedule = schedule(self._optimizer, settings, steps)
        self.average = build_average(model, settings, steps)
        self._scaler = torch.amp.GradScaler(self._accelerator.device.type, enabled=self._precision == "fp16")
        self._convolutions = FastConvolutions()

    def prepare(self) -> None:
        """Wrap the model for several processes; call again whenever the trainable parameters change."""
        if processes.world() == 1 or self._settings.fsdp:
            return
        trains = [parameter.requires_grad for parameter in self.model.parameters()]
        if trains != self._prepared_for:
            self._prepared, self._prepared_for = self._accelerator.prepare_model(self.model), trains

    def seed(self, step: int) -> None:
        """Seed python, numpy and torch for a step; each process draws its own."""
        drawn = np.random.SeedSequence((self._seed, step, processes.rank())).generate_state(3, np.uint64)
        random.seed(int(drawn[0]))
        np.random.seed(int(drawn[1]) % 2**32)
        seed_torch(int(drawn[2]))

    def gradient(self, step: int, batches: list[Batch]) -> Tensor:
        """Run forward and backward over a step's batches. Returns: the mean loss over all processes.

        Raises:
            RuntimeError, MemoryError: memory is too small; no gradient is left.
        """
        self.seed(step)
        self.model.begin((step - 1) / self._steps)
        size = sum(map(rows, batches))
        divided = [part for batch in batches for part in parts(batch, self.most or rows(batch))]
        total = torch.zeros((), device=self._accelerator.device)
        try:
            for number, part in enumerate(divided, start=1):
                own, count = self._share(part)
                attention = training_attention(self._precision, self._accelerator.device)
                with self._exchange(number == len(divided)), attention:
                    outputs = self._forward(for_model(own))
                    # Each example weighs the same, however batches and processes divide them.
                    loss = self._loss(outputs, own) * (count / size)
                    torch.autograd.backward(self._scaler.scale(loss * processes.world()))
                total += loss.detach()
        except (RuntimeError, MemoryError):
            self._optimizer.zero_grad()
            raise
        return processes.total(total)

    def _forward(self, batch: Batch) -> Any:
        # Not with compiled models, which choose what to keep, nor with shards, which are gathered for each pass.
        counts = not (self.activations or self._settings.compile or self._settings.fsdp)
        kept = memory.Kept(self.model.parameters()) if counts else None
        with kept or nullcontext(), self._convolutions, autocast(self._precision, self._accelerator.device):
            outputs = self._prepared(batch)
        self.activations = kept.size if kept else self.activations
        return outputs

    def clip(self) -> Tensor:
        """Clip the gradient; returns its norm before clipping."""
        self._scaler.unscale_(self._optimizer)
        self.callback.on_gradient()
        norm = torch.nn.utils.clip_grad_norm_(self.model.parameters(), self._settings.clip or float("inf"))
        return self._full(norm)

    def update(self, step: int, *, skip: bool = False) -> None:
        """Update the weights by the gradient, or skip that; the schedule advances either way."""
        if not skip:
            self._scaler.step(self._optimizer)
            self.callback.after_update(step)
            self.prepare()
        self._scaler.update()
        self._optimizer.zero_grad()
        self.schedule.step()
        if self.average is not None:
            self.average.after_step(step)

    def averaged(self) -> AbstractContextManager[None]:
        """Within this context the model holds its averaged weights, if there are any."""
        return self.average.applied() if self.average is not None and self.average.ready else nullcontext()

    def weights(self) -> dict[str, Tensor]:
        """The part of the model that training changes."""
        state = self.model.state_dict()
        return {name: self._full(state[name]) for name in state if name in self.changing}

    def load_weights(self, weights: dict[str, Tensor]) -> None:
        """Load what `weights` returned into the model."""
        state = self.model.state_dict()
        with torch.no_grad():
            for name, tensor in weights.items():
                state[name].copy_(self._spread(tensor, state[name]))

    def tensors(self) -> dict[str, Tensor]:
        """All tensors that a checkpoint must have, by name."""
        found = {f"model.{name}": tensor for name, tensor in self.weights().items()}
        for index, entries in self._optimizer.state_dict()["state"].items():
            for name, value in entries.items():
                if isinstance(value, Tensor):
                    found[f"optimizer.{index}.{name}"] = self._full(value)
        found |= {f"callback.{name}": tensor for name, tensor in self.callback.tensors().items()}
        if self.average is not None:
            found |= {f"average.{name}": self._full(tensor) for name, tensor in self.average.state_dict().items()}
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
            "callback": self.callback.state(),
            "most": self.most,
        }

    def restore(self, tensors: dict[str, Tensor], state: dict[str, Any]) -> None:
        """Restore what `tensors` and `state` returned."""
        sorted_in: dict[str, dict[str, Tensor]] = {"model": {}, "optimizer": {}, "average": {}, "callback": {}}
        for name, tensor in tensors.items():
            kind, _, rest = name.partition(".")
            sorted_in[kind][rest] = tensor
        self.load_weights(sorted_in["model"])
        entries: dict[int, dict[str, Any]] = {int(index): dict(of) for index, of in state["optimizer"]["state"].items()}
        parameters = [parameter for group in self._optimizer.param_groups for parameter in group["params"]]
        for name, tensor in sorted_in["optimizer"].items():
            index, _, key = name.partition(".")
            of = parameters[int(index)]
            entries.setdefault(int(index), {})[key] = self._as_laid_out(tensor, of)
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
        self.callback.restore(sorted_in["callback"], state["callback"])
        self.most = state["most"]
        if self.average is not None:
            like = self.average.state_dict()
            self.average.load_state_dict(
                {name: self._spread(tensor, like[name]) for name, tensor in sorted_in["average"].items()}
            )

    def _full(self, tensor: Tensor) -> Tensor:
        return whole(tensor) if self._settings.fsdp else tensor

    def _spread(self, tensor: Tensor, like: Tensor) -> Tensor:
        return divided(tensor, like) if self._settings.fsdp else tensor

    def _as_laid_out(self, tensor: Tensor, of: Tensor) -> Tensor:
        """A tensor of the optimiser's state in the memory format of its parameter, which the fused kernels take for
        granted: they would update each weight by the average of another one.
        """
        if tensor.shape != of.shape:
            return tensor
        spread = self._spread(tensor, of)
        return spread if self._settings.fsdp else torch.empty_like(of, dtype=tensor.dtype).copy_(spread)

    def _share(self, batch: Batch) -> tuple[Batch, float]:
        """This process's examples of a batch, and how many count; with none of its own, one that does not count."""
        if processes.world() == 1 or not self.divides:
            return dict(batch), rows(batch) / processes.world()
        own = {name: tensor[processes.rank() :: processes.world()] for name, tensor in batch.items()}
        return (own, rows(own)) if rows(own) else ({name: tensor[:1] for name, tensor in batch.items()}, 0)

    def _exchange(self, last: bool) -> AbstractContextManager[None]:
        """Exchange gradients between processes only with the last part of a step."""
        if last or processes.world() == 1 or self._settings.fsdp:  # shards have no room for a whole gradient
            return nullcontext()
        waiting: AbstractContextManager[None] = self._accelerator.no_sync(self._prepared)
        return waiting
