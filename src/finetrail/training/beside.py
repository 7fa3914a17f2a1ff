"""Unlabelled examples beside the labelled ones of a batch, and a network that learns from both."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from finetrail.auxiliary.auxiliary import Auxiliary
from finetrail.errors import ConfigError
from finetrail.models.inputs import Inputs
from finetrail.models.network import Batch, Network, for_model
from finetrail.targets.learning import Loss
from finetrail.training.around import Around

UNLABELLED, PLAIN = "unlabelled.", "plain."
"""Begin the names of tensors of unlabelled examples: no input of a network has a dot in its name."""


@dataclass(frozen=True)
class Beside(Around):
    """Inputs with an unlabelled example beside each labelled one of a batch: tensors `UNLABELLED` + name (B, ...).

    The first dimension stays the labelled example, so that parts of a batch keep what belongs together.

    Attributes:
        plain: whether each is there as it is too: `PLAIN` + name (B, ...).
    """

    unlabelled: Inputs
    plain: bool = False

    def batch(self, indices: Sequence[int], seed: int | None = None) -> Batch:
        """See `Inputs.batch`; without a seed, the labelled examples alone."""
        found = dict(super().batch(indices, seed))
        if seed is None:
            return found
        count, known = len(indices), len(self.unlabelled)
        # No one twice, unless there are too few.
        drawn = np.random.default_rng(seed).choice(known, count, replace=count > known)
        views = {UNLABELLED: seed} | ({PLAIN: None} if self.plain else {})
        for begins, by in views.items():
            beside = self.unlabelled.batch(drawn.tolist(), by)
            found |= {begins + name: tensor for name, tensor in beside.items()}
        return found


class Reading(NamedTuple):
    """What a network makes of examples; see `finetrail.auxiliary.auxiliary.Read`."""

    features: Tensor
    outputs: Tensor
    plain: Tensor


class Joined(NamedTuple):
    """What a `Joint` makes of a batch. Attributes: outputs: (B, K) of the labelled. auxiliary: () the weighted loss."""

    outputs: Tensor
    auxiliary: Tensor


class Joint(Network):
    """A network with an auxiliary loss, which is computed in its forward pass: it may have weights of its own.

    It shares backbone and head with the network that it is made of, so that one trains with it.

    Args:
        term: see `finetrail.auxiliary.auxiliary.Term`.
    """

    progress: Tensor

    def __init__(self, network: Network, settings: Auxiliary, term: Any) -> None:
        super().__init__(network.backbone, network.head, network.dropout.p)
        self.term = term
        self._settings = settings
        self.register_buffer("progress", torch.zeros(()), persistent=False)

    def begin(self, progress: float) -> None:
        """See `Network.begin`."""
        self.progress.fill_(progress)

    def forward(self, batch: Batch) -> Any:
        """`Joined`, or outputs (B, ..., K) alone where a batch has nothing unlabelled."""
        beside, plain = _named(batch, UNLABELLED), _named(batch, PLAIN)
        if not beside:
            return super().forward(batch)
        with averaging_nothing(self) if self._settings.batch_norm == "unlabelled" else nullcontext():
            labelled = self._read({name: tensor for name, tensor in batch.items() if "." not in name})
        unlabelled = self._read(beside)
        if plain:
            with torch.no_grad():
                unlabelled = unlabelled._replace(plain=super().forward(plain))
        with torch.autocast(labelled.outputs.device.type, enabled=False):
            loss = self.term(labelled, unlabelled)
        return Joined(labelled.outputs, self._weight * loss)

    @property
    def _weight(self) -> Tensor | float:
        settings = self._settings
        return settings.weight * (2 / (1 + torch.exp(-10 * self.progress)) - 1 if settings.ramp else 1.0)

    def _read(self, batch: Batch) -> Reading:
        features = self.features(batch)
        outputs: Tensor = super().forward(batch | {"features": features})
        return Reading(features.float(), outputs, outputs.detach())


@contextmanager
def averaging_nothing(network: nn.Module) -> Iterator[None]:
    """What the network computes meanwhile leaves the running statistics of its BatchNorms as they are."""
    norms = batch_norms(network)
    momenta = [norm.momentum for norm in norms]
    for norm in norms:
        norm.momentum = 0.0
    try:
        yield
    finally:
        for norm, momentum in zip(norms, momenta, strict=True):
            norm.momentum = momentum


def batch_norms(network: nn.Module) -> list[_BatchNorm]:
    """The BatchNorms that average over what they see in training."""
    return [one for one in network.modules() if isinstance(one, _BatchNorm) and one.track_running_stats]


def _named(batch: Batch, begins: str) -> Batch:
    """The part of a batch whose names begin so, without that."""
    return {name.removeprefix(begins): tensor for name, tensor in batch.items() if name.startswith(begins)}


def join(network: Network, settings: Auxiliary, inputs: Inputs, seed: int) -> Joint:
    """The network with the auxiliary loss.

    Args:
        inputs: labelled examples as it reads them.
        seed: of new weights.

    Raises:
        ConfigError: BatchNorms are to average over unlabelled rows, and there are none.
    """
    if settings.batch_norm == "unlabelled" and not batch_norms(network):
        raise ConfigError("auxiliary.batch_norm is 'unlabelled', but this backbone has no BatchNorm; remove it")
    device = next(network.parameters()).device
    batch = {name: tensor.to(device) for name, tensor in for_model(inputs.batch([0])).items()}
    mode = network.training
    with torch.random.fork_rng(), torch.no_grad():
        network.eval()
        features = network.features(batch)
        outputs = network(batch | {"features": features})
        torch.manual_seed(seed)
        term = settings.term(features.shape[-1], outputs.shape[-1])
    network.train(mode)
    return Joint(network, settings, term.to(device) if isinstance(term, nn.Module) else term)


def with_auxiliary(loss: Loss, settings: Auxiliary) -> Loss:
    """The loss of labels and the auxiliary one, of what a `Joint` makes of a batch.

    It raises ConfigError for a mixed example that is compared with itself as it is.
    """

    def both(joined: Any, batch: Batch) -> Tensor:
        if settings.reads_plain and "targets_of_partner" in batch:
            raise ConfigError(
                "auxiliary.method consistency compares a row with itself, but train.augment mixes rows; remove mixup "
                "and cutmix, or use another method"
            )
        total: Tensor = loss(joined.outputs, batch) + joined.auxiliary
        return total

    return both
