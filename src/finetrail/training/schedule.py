"""Schedules: how the learning rates go up and down while training goes on."""

import math
from functools import partial
from itertools import accumulate
from typing import Any

from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR, LRScheduler, OneCycleLR, ReduceLROnPlateau

from finetrail.training.settings import Training

# Optimisers whose groups all have a momentum; with Muon only some have.
_WITH_MOMENTUM = {"adamw": "betas", "lion": "betas", "sgd": "momentum"}


class Schedule:
    """The rates of an optimiser's groups, step by step; each group's initial rate is its highest.

    Args:
        curve: sets the rates after every optimiser step.
        plateau: lowers them for good, after `warmup` steps in which only `curve` sets them.
    """

    def __init__(self, curve: LRScheduler, plateau: ReduceLROnPlateau | None = None, warmup: int = 0) -> None:
        self._curve = curve
        self._plateau = plateau
        self._warmup = warmup

    @property
    def rate(self) -> float:
        """The rate of the first group, for the next step."""
        return self._rates[0]

    def step(self) -> None:
        """Call after every optimiser step."""
        # After the warm-up the curve is flat: stepping it would only undo what the plateau has lowered.
        if self._plateau is None or self._warming_up:
            self._curve.step()

    def judge(self, value: float) -> None:
        """Take the result of an evaluation. Args: value: of the metric, higher is better.

        Evaluations during the warm-up do not count: the rate is not at its height yet.
        """
        if self._plateau is not None and not self._warming_up:
            self._plateau.step(value)

    def state_dict(self) -> dict[str, Any]:
        """Numbers, strings, lists and dictionaries; no infinite numbers, which JSON lacks."""
        state = {"curve": self._curve.state_dict(), "rates": self._rates}
        if self._plateau is not None and self._plateau.last_epoch:
            state["plateau"] = {name: getattr(self._plateau, name) for name in ("best", "num_bad_epochs", "last_epoch")}
        return state

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue from a state; the momenta are in the optimiser's state, loaded before or after this one."""
        self._curve.load_state_dict(state["curve"])
        for group, rate in zip(self._curve.optimizer.param_groups, state["rates"], strict=True):
            group["lr"] = rate
        if self._plateau is not None:
            self._plateau.load_state_dict(state.get("plateau", {}))

    @property
    def _rates(self) -> list[float]:
        return [float(group["lr"]) for group in self._curve.optimizer.param_groups]

    @property
    def _warming_up(self) -> bool:
        return self._curve.last_epoch < self._warmup


def build_schedule(optimizer: Optimizer, settings: Training, steps: int) -> Schedule:
    """The schedule that the settings name.

    Args:
        optimizer: newly built: its rates are the highest ones.
        steps: optimiser steps in all; after the last of them all but `constant` and `plateau` are at (nearly) 0.
    """
    warmup = _warmup_steps(settings, steps)
    if settings.schedule == "one_cycle":
        return Schedule(_one_cycle(optimizer, settings, warmup, steps))
    if settings.schedule == "restarts":
        cycles = _cycles(settings, max(1, steps - warmup))
        return Schedule(LambdaLR(optimizer, partial(_share_of_cycle, warmup=warmup, cycles=cycles)))
    curve = LambdaLR(optimizer, partial(_share, shape=settings.schedule, warmup=warmup, steps=steps))
    if settings.schedule != "plateau":
        return Schedule(curve)
    plateau = ReduceLROnPlateau(
        optimizer,
        mode="max",
        factor=settings.plateau_factor,
        # Torch counts the evaluations that it tolerates.
        patience=settings.plateau_patience - 1,
        # Any better value counts, as it does for the best evaluation, and any rate may be lowered.
        threshold=0.0,
        eps=0.0,
    )
    return Schedule(curve, plateau, warmup)


def depends_on_length(settings: Training) -> bool:
    """Whether the steps so far would differ if the training were set to be longer or shorter.

    The rates may differ, or, with `swa`, the start of the average, which is a share of all steps.
    """
    by_rate = settings.schedule in ("cosine", "linear", "one_cycle", "restarts") or 0 < settings.warmup < 1
    return by_rate or settings.average == "swa"


def _warmup_steps(settings: Training, steps: int) -> int:
    return round(settings.warmup * steps) if settings.warmup < 1 else round(settings.warmup)


def _share(step: int, *, shape: str, warmup: int, steps: int) -> float:
    """The share of the highest rate after `step` steps: bit for bit as in transformers' `get_scheduler`.

    Written out here because that import pulls in peft and half of transformers: seconds of every image training.
    """
    if step < warmup:
        return step / max(1, warmup)
    rest = max(1, steps - warmup)
    if shape == "linear":
        return max(0.0, (steps - step) / rest)
    if shape == "cosine":
        return max(0.0, 0.5 * (1.0 + math.cos(math.pi * ((step - warmup) / rest))))
    return 1.0


def _cycles(settings: Training, steps: int) -> list[tuple[float, float]]:
    """Where each cycle of so many steps in all begins and ends."""
    lengths = [settings.cycle_growth**number for number in range(settings.cycles)]
    ends = [steps * end / sum(lengths) for end in accumulate(lengths)]
    return list(zip([0.0, *ends], ends, strict=False))


def _share_of_cycle(step: int, *, warmup: int, cycles: list[tuple[float, float]]) -> float:
    """The share of the highest rate after `step` steps (SGDR, Loshchilov & Hutter 2017)."""
    if step < warmup:
        return step / max(1, warmup)
    begin, end = next((one for one in cycles if step - warmup < one[1]), cycles[-1])
    return 0.5 * (1.0 + math.cos(math.pi * min(1.0, (step - warmup - begin) / (end - begin))))


def _one_cycle(optimizer: Optimizer, settings: Training, warmup: int, steps: int) -> LRScheduler:
    """The rate rises in the warm-up and then falls; the momentum does the opposite (Smith & Topin 2019).

    The momentum falls by 0.1 from the optimiser's value and returns: the width of the paper's range.
    """
    key = _WITH_MOMENTUM.get(settings.optimizer)
    momenta = [group[key][0] if key == "betas" else group[key] for group in optimizer.param_groups] if key else []
    # At least one step up and one down. Torch counts from 1, and must reach its end after the last step.
    peak = min(max(warmup, 1), steps - 1)
    return OneCycleLR(
        optimizer,
        max_lr=[group["lr"] for group in optimizer.param_groups],
        total_steps=steps + 1,
        pct_start=(peak + 1) / (steps + 1) if peak else 0.0,
        cycle_momentum=any(momenta),
        max_momentum=momenta or 0.0,
        base_momentum=[max(momentum - 0.1, 0.0) for momentum in momenta] or 0.0,
    )
