"""A discriminator of domains, and the reversed gradient that trains a network against it (Ganin et al. 2016)."""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits


class _Reversal(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, features: Tensor) -> Tensor:
        return features.view_as(features)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        return -gradient


def reverse(features: Tensor) -> Tensor:
    """The same features, whose gradient is turned around."""
    reversed_: Tensor = _Reversal.apply(features)
    return reversed_


class Discriminator(nn.Sequential):
    """Tells the domain of an example: maps features (B, `width`) to logits (B, 1), above 0 for the source."""

    def __init__(self, width: int, hidden: int) -> None:
        super().__init__(
            nn.Linear(width, hidden), nn.ReLU(), nn.Linear(hidden, hidden), nn.ReLU(), nn.Linear(hidden, 1)
        )


def domain_loss(discriminator: nn.Module, source: Tensor, target: Tensor) -> Tensor:
    """How badly domains are told apart: the mean cross-entropy, in which both domains weigh the same.

    Args:
        source: what the discriminator reads of the source (B, W).
        target: of the target (M, W).
    """
    one, other = (discriminator(of).squeeze(-1) for of in (source, target))
    loss: Tensor = (
        binary_cross_entropy_with_logits(one, torch.ones_like(one))
        + binary_cross_entropy_with_logits(other, torch.zeros_like(other))
    ) / 2
    return loss
