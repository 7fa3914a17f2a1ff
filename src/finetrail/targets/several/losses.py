"""How the losses of several targets become one, where a row may lack the labels of some."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from finetrail.models.network import TARGETS, Batch
from finetrail.targets.learning import Loss

KNOWN = "known"


@dataclass(frozen=True)
class OfRows:
    """The loss of one target on the rows that have a label of it.

    A batch adds what its labelled examples lose, over B times the share of training rows that have a label: on average
    it is the mean over these rows, and two small batches are as one large, however their labels are spread.

    Attributes:
        name: of the target.
        loss: of its kind.
        place: its outputs.
        share: of the training rows that have a label, above 0, at most 1.
    """

    name: str
    loss: Loss
    place: slice
    share: float

    def __call__(self, outputs: Tensor, batch: Batch) -> Tensor:
        own = outputs[:, self.place]
        start = f"{TARGETS}/{self.name}/"
        targets = {f"{TARGETS}{key[len(start) :]}": values for key, values in batch.items() if key.startswith(start)}
        counts, share = targets.pop(f"{TARGETS}{KNOWN}", None), self.share
        if counts is None:
            return own.sum() * 0  # no example has a label: of no weight, and still a part of the graph
        if f"{TARGETS}{KNOWN}_of_partner" in targets:  # a mixed example needs the labels of both
            counts, share = counts & targets.pop(f"{TARGETS}{KNOWN}_of_partner"), share**2
        if self.share == 1:
            return self.loss(own, targets)
        places = counts.nonzero().squeeze(1)
        if not len(places):
            return own.sum() * 0
        of_rows = self.loss(own[places], {key: values[places] for key, values in targets.items()})
        return of_rows * (len(places) / (len(own) * share))


def summed(parts: Mapping[str, OfRows]) -> Loss:
    """The sum of the losses."""
    return lambda outputs, batch: torch.stack([part(outputs, batch) for part in parts.values()]).sum()


def by_uncertainty(parts: Mapping[str, OfRows], of_head: Sequence[str]) -> Loss:
    """The losses, each divided by the variance that the head has learnt of it, which costs half of its logarithm.

    The paper has half the loss of numbers: at the best variance both come to the same weight, half of one over the
    loss.

    Args:
        of_head: the targets that the head has a variance of, in its order.
    """
    numbers = [of_head.index(name) for name in parts]

    def loss(outputs: Tensor, batch: Batch) -> Tensor:
        losses = torch.stack([part(outputs, batch) for part in parts.values()])
        logarithms = outputs[:, -len(of_head) :].mean(dim=0)[numbers]  # every example has the same
        return (torch.exp(-logarithms) * losses + logarithms / 2).sum()

    return loss


def by_gradients(parts: Mapping[str, OfRows], of_head: Sequence[str]) -> Loss:
    """The losses, weighed so that their gradients at the features become alike (GradNorm, Chen et al. 2018).

    The rate of a target is its loss as a share of what the same examples lose where all outputs are 0: so a batch
    tells it, where the paper remembers the loss of the first step, which a killed training would have lost.

    Args:
        of_head: the targets of a `finetrail.targets.several.heads.Balanced`, in its order.
    """
    numbers, count = [of_head.index(name) for name in parts], len(of_head)

    def loss(outputs: Tensor, batch: Batch) -> Tensor:
        losses = torch.stack([part(outputs, batch) for part in parts.values()])
        with torch.no_grad():
            nothing = torch.zeros_like(outputs)
            at_first = torch.stack([part(nothing, batch) for part in parts.values()])
            rates = (losses / at_first).where(at_first > 0, 0)
            weights = len(parts) * outputs[:, -2 * count : -count].mean(dim=0)[numbers].softmax(dim=0)
        zeros = outputs[:, -count:].mean(dim=0)[numbers]
        return (weights * losses + rates * zeros).sum()

    return loss
