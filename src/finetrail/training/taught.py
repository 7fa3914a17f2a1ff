"""What a student learns from: the answers of its teacher, in the batches beside the labels."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from finetrail.models.inputs import Changes, Inputs, Targets
from finetrail.models.network import Batch, Network, for_model, rows
from finetrail.targets.learning import Loss
from finetrail.targets.per_row import Each, mean_loss
from finetrail.training.beside import UNLABELLED

TEACHER = "targets_teacher"
"""In batches: the outputs (B, K) of the teacher."""
_MIXED = f"{TEACHER}_of_partner"
"""In mixed batches: those for the other example of each mix."""


@dataclass(frozen=True)
class TaughtTargets:
    """Targets with the outputs of a teacher. Attributes: own: None where there are no labels. outputs: (N, K)."""

    own: Targets | None
    outputs: Tensor

    def __len__(self) -> int:
        return len(self.outputs)

    def batch(self, indices: Sequence[int], changes: Changes) -> Batch:
        """See `Targets.batch`: `TEACHER` (B, K) besides; where examples were mixed, what `mean_loss` reads of it."""
        found = {TEACHER: self.outputs[list(indices)]}
        if changes.partner is not None and changes.share is not None:
            found |= {_MIXED: found[TEACHER][changes.partner], "targets_share": changes.share}
        return found if self.own is None else self.own.batch(indices, changes) | found


def taught(inputs: Inputs, answers: Tensor) -> Inputs:
    """Inputs with the outputs of a teacher. Args: answers: (n, K), of the rows that the examples are."""
    return inputs.labelled(TaughtTargets(inputs.targets, answers[list(inputs.rows)]))


class Both(Network):
    """A network that answers the unlabelled examples of a batch too: outputs (2B, K), those of the labelled first.

    It shares backbone and head with the network that it is made of, so that one trains with it.
    """

    def __init__(self, network: Network) -> None:
        super().__init__(network.backbone, network.head, network.dropout.p)

    def forward(self, batch: Batch) -> Tensor:
        """Outputs (B, K), or (2B, K) of a batch of `Beside`."""
        own, unlabelled = _apart(batch)
        outputs = super().forward(own)
        return torch.cat([outputs, super().forward(for_model(unlabelled))]) if unlabelled else outputs


def with_teacher(loss: Loss, each: Each, alpha: float) -> Loss:
    """The loss of a student, of the outputs of a network or of `Both`.

    Args:
        loss: of the labels.
        each: see `finetrail.targets.learning.Distilling`.
        alpha: the share of the teacher.
    """

    def both(outputs: Any, batch: Batch) -> Tensor:
        own, unlabelled = _apart(batch)
        count = rows(batch)
        soft = mean_loss(each, outputs[:count], _as_targets(own))
        if unlabelled:
            soft = (soft + mean_loss(each, outputs[count:], _as_targets(unlabelled))) / 2
        total: Tensor = (1 - alpha) * loss(outputs[:count], own) + alpha * soft
        return total

    return both


def _apart(batch: Batch) -> tuple[Batch, Batch]:
    """The labelled examples of a batch, and the unlabelled ones under their own names."""
    unlabelled = {name.removeprefix(UNLABELLED): batch[name] for name in batch if name.startswith(UNLABELLED)}
    return {name: tensor for name, tensor in batch.items() if not name.startswith(UNLABELLED)}, unlabelled


def _as_targets(batch: Batch) -> Batch:
    """The teacher's outputs in the place of the targets."""
    found = {"targets": batch[TEACHER]}
    if _MIXED in batch:
        found |= {"targets_of_partner": batch[_MIXED], "targets_share": batch["targets_share"]}
    return found
