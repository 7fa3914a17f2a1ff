"""Heads of trainings that learn how much each of several targets weighs."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn


class Weighing(nn.Linear):
    """A linear head with a number for each target, which the loss reads behind the outputs.

    So the numbers train, are saved, and are shared among processes like the rest of the model, and a loss needs
    nothing but outputs. `plain` is the head without them.
    """

    def __init__(self, plain: nn.Linear, targets: int) -> None:
        super().__init__(plain.in_features, plain.out_features)
        self.load_state_dict(plain.state_dict())
        self.logarithms = nn.Parameter(torch.zeros(targets))

    def plain(self) -> nn.Linear:
        """Its weights alone, which answer."""
        found = nn.Linear(self.in_features, self.out_features).to(self.weight)
        found.load_state_dict({name: value for name, value in self.state_dict().items() if name != "logarithms"})
        return found


class Uncertain(Weighing):
    """How uncertain the model is of each target (Kendall, Gal & Cipolla 2018): logarithms of variances.

    Outputs: (B, K + T).
    """

    def forward(self, features: Tensor) -> Tensor:
        return torch.cat([super().forward(features), self.logarithms.expand(len(features), -1)], dim=1)


class Balanced(Weighing):
    """How much each target weighs so that all of them pull alike at the features (GradNorm, Chen et al. 2018).

    Each target has the features to itself, so the backward pass meets the gradients of the targets one by one before
    they are added. Outputs: (B, K + T + T); the last T are zeros, and the gradient that the loss gives them is the rate
    at which the target learns.

    Args:
        places: the outputs of each target.
        asymmetry: how strongly targets that learn slowly pull more; 0: all pull alike.
    """

    def __init__(self, plain: nn.Linear, places: Sequence[slice], asymmetry: float) -> None:
        super().__init__(plain, len(places))
        self._places, self._asymmetry = places, asymmetry

    def forward(self, features: Tensor) -> Tensor:
        copies, zeros = _Apart.apply(features, self.logarithms, self._asymmetry)
        own = [
            nn.functional.linear(copy, self.weight[place], self.bias[place])
            for copy, place in zip(copies, self._places, strict=True)
        ]
        return torch.cat([*own, self.logarithms.expand(len(features), -1), zeros], dim=1)


class _Apart(torch.autograd.Function):
    """Features for each target, whose gradients say how the weights of the targets have to change."""

    @staticmethod
    def forward(ctx: Any, features: Tensor, logarithms: Tensor, asymmetry: float) -> tuple[Tensor, Tensor]:
        """Returns: the features of each target (T, B, D), and zeros (B, T)."""
        ctx.asymmetry = asymmetry
        targets = len(logarithms)
        return features.repeat(targets, 1, 1), features.new_zeros(len(features), targets)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, Tensor, None]:
        """The sum of the gradients, and that of the paper's loss of the weights: by how much each norm misses its aim.

        A target without a label in the batch has no rate, and is left out.
        """
        of_copies, of_zeros = gradients
        norms, rates = of_copies.flatten(1).norm(dim=1), of_zeros.sum(dim=0)
        there = rates > 0
        count = there.sum().clamp(min=1)
        aims = norms.where(there, 0).sum() / count * (rates * count / rates.sum()).pow(ctx.asymmetry)
        return of_copies.sum(dim=0), ((norms - aims).sign() * norms).where(there, 0), None
