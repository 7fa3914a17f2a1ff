"""The base of every alignment."""

from abc import abstractmethod
from collections.abc import Callable
from typing import NamedTuple

from torch import Tensor, nn

Strength = Callable[[float], float]
"""Of an alignment, by the share of the training that is over (0..1)."""


class Domain(NamedTuple):
    """What a network makes of examples of one domain. Attributes: features: (B, D). logits: (B, K)."""

    features: Tensor
    logits: Tensor


class Alignment(nn.Module):
    """A loss that is added to that of the labels.

    It compares batches, so it is no mean over examples: parts of a batch, where memory is small, are compared alone.

    Args:
        strength: what the gradient that reaches the network is multiplied by.
    """

    def __init__(self, strength: Strength) -> None:
        super().__init__()
        self.strength = strength

    @abstractmethod
    def forward(self, source: Domain, target: Domain, progress: float) -> Tensor:
        """The loss, a scalar. Args: source, target: B and M examples. progress: the share of the training, 0..1."""
