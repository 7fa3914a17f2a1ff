"""Unlabelled examples beside the labelled ones of a batch, and a network that learns from both."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from finetrail.auxiliary.auxiliary import Auxiliary
from finetrail.models.inputs import Inputs, Targets
from finetrail.models.network import Batch, Network, for_model
from finetrail.targets.learning import Loss

OF = "."
"""Stands between the name of a view and those of its tensors: no input of a network has one."""


@dataclass(frozen=True)
class Beside:
    """Inputs whose batches have unlabelled examples too: tensors `VIEW.NAME` (B, draws, ...).

    The first dimension stays the labelled example, so that parts of a batch, for small memories and several processes,
    keep what belongs together.

    Attributes:
        views: the unlabelled examples, by the name of a view; all of the same rows.
        draws: of them beside each labelled one.
    """

    inputs: Inputs
    views: Mapping[str, Inputs]
    draws: int

    def __len__(self) -> int:
        return len(self.inputs)

    @property
    def lengths(self) -> list[int]:
        """Those of the labelled examples."""
        return self.inputs.lengths

    @property
    def rows(self) -> Sequence[int]:
        """Those of the labelled examples."""
        return self.inputs.rows

    @property
    def varies(self) -> bool:
        """A seed draws the unlabelled examples."""
        return True

    @property
    def targets(self) -> Targets | None:
        """Those of the labelled examples."""
        return self.inputs.targets

    def labelled(self, targets: Targets) -> "Beside":
        """The same with other targets."""
        return replace(self, inputs=self.inputs.labelled(targets))

    def batch(self, indices: Sequence[int], seed: int | None = None) -> Batch:
        """See `Inputs.batch`; without a seed, the labelled examples alone."""
        found = dict(self.inputs.batch(indices, seed))
        if seed is None:
            return found
        drawn = self._drawn(len(indices) * self.draws, seed)
        for number, (view, inputs) in enumerate(self.views.items(), start=1):
            for name, tensor in inputs.batch(drawn, seed + number).items():
                found[f"{view}{OF}{name}"] = tensor.reshape(len(indices), self.draws, *tensor.shape[1:])
        return found

    def _drawn(self, count: int, seed: int) -> list[int]:
        """Unlabelled examples, no one twice unless there are too few."""
        known = len(next(iter(self.views.values())))
        rng = np.random.default_rng(seed)
        drawn: list[int] = rng.choice(known, count, replace=count > known).tolist()
        return drawn


class Reading(NamedTuple):
    """What a network makes of examples; see `finetrail.auxiliary.auxiliary.Read`."""

    features: Tensor
    outputs: Tensor


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
        if not any(OF in name for name in batch):
            return super().forward(batch)
        labelled = self._read({name: tensor for name, tensor in batch.items() if OF not in name})
        views = {}
        for view, learns in self._settings.views.items():
            own = {
                name.removeprefix(view + OF): tensor.flatten(0, 1)
                for name, tensor in batch.items()
                if name.startswith(view + OF)
            }
            with torch.set_grad_enabled(learns and torch.is_grad_enabled()):
                views[view] = self._read(own)
        with torch.autocast(labelled.outputs.device.type, enabled=False):
            loss = self.term(labelled, views, self.progress)
        return Joined(labelled.outputs, self._weight * loss)

    @property
    def _weight(self) -> Tensor | float:
        settings = self._settings
        return settings.weight * (2 / (1 + torch.exp(-10 * self.progress)) - 1 if settings.ramp else 1.0)

    def _read(self, batch: Batch) -> Reading:
        features = self.features(batch)
        outputs: Tensor = super().forward(batch | {"features": features})
        return Reading(features.float(), outputs)


def join(network: Network, settings: Auxiliary, inputs: Inputs, seed: int) -> Joint:
    """The network with the auxiliary loss. Args: inputs: labelled examples as it reads them. seed: of new weights."""
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


def with_auxiliary(loss: Loss) -> Loss:
    """The loss of labels and the auxiliary one, of what a `Joint` makes of a batch."""

    def both(joined: Any, batch: Batch) -> Tensor:
        total: Tensor = loss(joined.outputs, batch) + joined.auxiliary
        return total

    return both
