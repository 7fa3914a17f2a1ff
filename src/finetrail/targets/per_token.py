"""The loss of targets that have a class for each word or token."""

from torch import Tensor
from torch.nn import functional

from finetrail.models.network import Batch
from finetrail.targets.learning import Loss

NO_TARGET = -100
"""The class of what the loss leaves out."""


def token_loss(smoothing: float) -> Loss:
    """The cross-entropy of outputs (B, S, K) and `targets` (B, S), by `targets_scale` (B,).

    The scale is 1 over the mean number of tokens, so that every token counts the same however a batch is divided.

    Args:
        smoothing: the share of the target that is spread over all classes (Szegedy et al. 2016).
    """

    def loss(outputs: Tensor, batch: Batch) -> Tensor:
        targets = batch["targets"]
        each = functional.cross_entropy(
            outputs.flatten(0, 1),
            targets.flatten(),
            ignore_index=NO_TARGET,
            reduction="none",
            label_smoothing=smoothing,
        ).view_as(targets)
        return (each.sum(1) * batch["targets_scale"]).mean()

    return loss
