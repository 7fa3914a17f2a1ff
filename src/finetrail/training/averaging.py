"""Averages of the weights over training, which often generalise better than the last weights."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from finetrail.models.weights import trainable_tensors
from finetrail.training.settings import Training

Rule = Callable[[Sequence[Tensor], Sequence[Tensor], int], None]
"""Moves averages in place towards the current weights, given how many weights they average so far."""


class Average:
    """A second copy of what training changes, without frozen weights: floats averaged in fp32, integers copied.

    Running statistics are averaged like the weights.

    Args:
        tensors: the model's, by name; read, and in `applied` written in place.
        rule: how the average moves.
        every_step: whether every step counts, or only the end of each epoch.
        start: the first step that counts.
    """

    def __init__(self, tensors: dict[str, Tensor], rule: Rule, *, every_step: bool, start: float) -> None:
        self._tensors = tensors
        self._averages = {
            name: torch.zeros_like(tensor, dtype=torch.float32 if tensor.is_floating_point() else None)
            for name, tensor in self._tensors.items()
        }
        self._rule = rule
        self._every_step = every_step
        self._start = start
        self._count = 0

    @property
    def ready(self) -> bool:
        """Whether there is an average yet."""
        return self._count > 0

    def after_step(self, step: int) -> None:
        """Call after every optimiser step. Args: step: its number, from 1."""
        if self._every_step and step >= self._start:
            self._update()

    def after_epoch(self, step: int) -> None:
        """Call at the end of every epoch and of training. Args: step: the number of the last step."""
        if not self._every_step and step >= self._start:
            self._update()

    @contextmanager
    def applied(self) -> Iterator[None]:
        """Within this context the model holds the averages, if any; its own weights return afterwards, bit for bit."""
        if not self.ready:
            yield
            return
        own = {name: tensor.detach().clone() for name, tensor in self._tensors.items()}
        _fill(self._tensors, self._averages)
        try:
            yield
        finally:
            _fill(self._tensors, own)

    def state_dict(self) -> dict[str, Tensor]:
        """The averages, by the model's names, and the number of weights averaged."""
        return self._averages | {"count": torch.tensor(self._count)}

    def load_state_dict(self, state: dict[str, Tensor]) -> None:
        """Continue from a state. Raises: KeyError: a tensor is missing."""
        self._count = int(state["count"])
        _fill(self._averages, state)

    def _update(self) -> None:
        floats = [name for name, tensor in self._tensors.items() if tensor.is_floating_point()]
        if floats:
            now = [self._tensors[name].detach().float() for name in floats]
            self._rule([self._averages[name] for name in floats], now, self._count)
        _fill({name: one for name, one in self._averages.items() if name not in floats}, self._tensors)
        self._count += 1


def build_average(model: nn.Module, settings: Training, steps: int) -> Average | None:
    """The average that the settings name; None for the weights themselves.

    Args:
        model: ready to train: on its device, laid out, sharded. What is trainable now is averaged.
        steps: optimiser steps in all.
    """
    from torch.optim.swa_utils import get_swa_multi_avg_fn

    tensors = trainable_tensors(model)
    match settings.average:
        case "ema":
            return Average(tensors, _exponential(settings.ema_decay), every_step=True, start=1)
        case "swa":
            rule: Rule = get_swa_multi_avg_fn()  # type: ignore[no-untyped-call]
            return Average(tensors, rule, every_step=False, start=settings.swa_start * steps)
        case None:
            return None


def _exponential(decay: float) -> Rule:
    """An exponential average whose weights sum to 1 from the first step on (the correction of Kingma & Ba 2015).

    Without it the weights of the first step would dominate the average for about 1 / (1 - decay) steps, longer than
    many fine-tunings last. With it the average at first weighs all steps alike.
    """
    from torch.optim.swa_utils import get_ema_multi_avg_fn

    def move(averages: Sequence[Tensor], now: Sequence[Tensor], count: int) -> None:
        past = decay * (1 - decay**count) / (1 - decay ** (count + 1))
        get_ema_multi_avg_fn(past)(averages, now, count)  # type: ignore[no-untyped-call]

    return move


@torch.no_grad()
def _fill(tensors: dict[str, Tensor], values: dict[str, Tensor]) -> None:
    for name, tensor in tensors.items():
        tensor.copy_(values[name])
