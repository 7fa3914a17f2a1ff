"""Attacks: how a content is changed by somebody who sees the gradient of the loss. No heavy imports."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

    from finetrail.contents.content import Processor
    from finetrail.models.network import Batch, Network


@dataclass(frozen=True)
class Attack:
    """What an attack is called, and what it does.

    Attributes:
        about: a sentence for a report.
        epsilon: what bounds it, with its unit, as the title of an axis.
    """

    title: str
    about: str
    epsilon: str


@dataclass(frozen=True)
class Attacked:
    """A model under attack, in evaluation mode.

    Attributes:
        loss: what the attacker raises: the mean loss of outputs (B, ..., K) and the batch that they come from.
    """

    network: "Network"
    processor: "Processor"
    loss: "Callable[[Tensor, Batch], Tensor]"

    def loss_of(self, batch: "Batch") -> "Tensor":
        """The loss of a batch with its targets."""
        from finetrail.models.network import for_model

        return self.loss(self.network(for_model(batch)), batch)
