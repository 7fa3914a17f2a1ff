"""Attacks on images: every pixel moves by at most epsilon, so that the loss rises. The gradient is that of the pixels.

Pixels are 0..255 and stay in that range; they are normalised inside the backbone, through which the gradient passes.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np
import torch
from torch import Tensor

from finetrail.contents.attack import Attacked
from finetrail.models.network import Batch

STEPS = 10
STRIDE = 2.5
"""Madry et al.: the steps together are so many epsilons long, enough to cross the ball from any start."""


def attack(
    name: str, attacked: Attacked, batch: Batch, epsilons: Sequence[int], seeds: Sequence[int]
) -> Iterator[Batch]:
    """See `finetrail.contents.content.Networks`. Args: epsilons: of 255."""
    for epsilon in epsilons:
        yield batch | {"pixels": _ATTACKS[name](attacked, batch, epsilon, seeds)}


def fgsm(attacked: Attacked, batch: Batch, epsilon: float, seeds: Sequence[int]) -> Tensor:
    """One step along the sign of the gradient.

    Goodfellow et al., Explaining and Harnessing Adversarial Examples (2015).

    Returns:
        Pixels (B, 3, S, S), float32.
    """
    pixels = batch["pixels"].float()
    return _within(pixels + epsilon * _slope(attacked, batch, pixels).sign(), pixels, epsilon)


def pgd(attacked: Attacked, batch: Batch, epsilon: float, seeds: Sequence[int]) -> Tensor:
    """Small steps from a random start.

    Madry et al., Towards Deep Learning Models Resistant to Adversarial Attacks (2018).

    Returns:
        Pixels (B, 3, S, S), float32.
    """
    pixels = batch["pixels"].float()
    starts = [np.random.default_rng(seed).uniform(-1, 1, pixels.shape[1:]) for seed in seeds]
    changed = _within(pixels + epsilon * torch.from_numpy(np.stack(starts)).to(pixels), pixels, epsilon)
    for _ in range(STEPS):
        step = STRIDE * epsilon / STEPS * _slope(attacked, batch, changed).sign()
        changed = _within(changed + step, pixels, epsilon)
    return changed


_ATTACKS: Mapping[str, Callable[[Attacked, Batch, float, Sequence[int]], Tensor]] = {"fgsm": fgsm, "pgd": pgd}


def _within(changed: Tensor, pixels: Tensor, epsilon: float) -> Tensor:
    """The nearest pixels that lie within epsilon of the original ones, and in the valid range."""
    return torch.clamp(changed, pixels - epsilon, pixels + epsilon).clamp(0, 255)


def _slope(attacked: Attacked, batch: Batch, pixels: Tensor) -> Tensor:
    """The gradient of the loss at some pixels."""
    variable = pixels.detach().requires_grad_()
    with torch.enable_grad():
        (slope,) = torch.autograd.grad(attacked.loss_of(batch | {"pixels": variable}), variable)
    return slope
