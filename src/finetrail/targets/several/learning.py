"""What a model of several targets learns: each as its kind does, from one head's outputs side by side."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import torch
from torch import Tensor, nn

from finetrail.evaluation.scores.metric import Point
from finetrail.models.inputs import Changes, Inputs
from finetrail.models.network import TARGETS, Batch, Network
from finetrail.targets.several.codec import Outputs, SeveralCodec
from finetrail.targets.several.heads import Balanced, Uncertain, Weighing
from finetrail.targets.several.losses import KNOWN, OfRows, by_gradients, by_uncertainty, summed
from finetrail.targets.several.parts import Label, known, leading
from finetrail.targets.several.settings import MEAN

if TYPE_CHECKING:
    from collections.abc import Mapping

    from finetrail.models.inputs import Targets
    from finetrail.targets.learning import Kept, Learning, Loss

Labels = Sequence[Label]


@dataclass(frozen=True)
class SeveralTargets:
    """The targets of examples that may lack some of them.

    Attributes:
        parts: of each target the encoded labels that there are; none for a target without any.
        places: for each target and example its place among these, -1 without a label (N,).
    """

    parts: "Mapping[str, Targets]"
    places: "Mapping[str, Tensor]"

    def __len__(self) -> int:
        return len(next(iter(self.places.values())))

    def batch(self, indices: Sequence[int], changes: Changes) -> Batch:
        """What the loss of each target reads, under its name, and which examples have a label of it (B,)."""
        found: Batch = {}
        for name, part in self.parts.items():
            places = self.places[name][list(indices)]
            start = f"{TARGETS}/{name}/"
            # Examples without a label hold the first one, which `OfRows` leaves out.
            of_part = part.batch(places.clamp_min(0).tolist(), changes)
            found |= {f"{start}{key.removeprefix(TARGETS)}": values for key, values in of_part.items()}
            found[f"{start}{KNOWN}"] = places >= 0
            if changes.partner is not None:
                found[f"{start}{KNOWN}_of_partner"] = (places >= 0)[changes.partner]
        return found


@dataclass(frozen=True)
class SeveralLearning:
    """See `finetrail.targets.learning.Learning`.

    Attributes:
        parts: of each target.
        balance: how the losses become one; see `finetrail.targets.several.settings.SeveralTraining`.
        asymmetry: see the same place.
        only: the one target that is learnt; None: all are.
    """

    codec: SeveralCodec
    parts: "Mapping[str, Learning]"
    balance: str = "sum"
    asymmetry: float = 0.0
    only: str | None = None

    def head(self, width: int) -> nn.Module:
        """One linear layer with the outputs of all targets; in training it may learn their weights too."""
        head = _joined([cast(nn.Linear, part.head(width)) for part in self.parts.values()])
        if self.balance == "uncertainty":
            return Uncertain(head, len(self.parts))
        if self.balance == "gradnorm":
            return Balanced(head, [self.codec.places[name] for name in self.parts], self.asymmetry)
        return head

    def encode(self, labels: Labels, inputs: Inputs) -> SeveralTargets:
        parts: dict[str, Targets] = {}
        places: dict[str, Tensor] = {}
        for name, part in self.parts.items():
            rows, of_target = known(labels, name)
            number_of = {row: number for number, row in enumerate(rows)}
            places[name] = torch.tensor([number_of.get(row, -1) for row in inputs.rows])
            if of_target:
                labelled: Any = SimpleNamespace(rows=range(len(of_target)))  # as if each were an example of its own
                parts[name] = part.encode(of_target, labelled)
        return SeveralTargets(parts, places)

    def loss(self, settings: Any, labels: Labels, *, finished: bool = False) -> "Loss":
        parts = {}
        for name, part in self.parts.items():
            _, of_target = known(labels, name)
            if of_target and self.only in (None, name):
                own = part.loss(getattr(settings.targets, name), of_target, finished=finished)
                parts[name] = OfRows(name, own, self.codec.places[name], len(of_target) / len(labels))
        if self.balance == "uncertainty" and not finished:
            return by_uncertainty(parts, list(self.parts))
        if self.balance == "gradnorm" and not finished:
            return by_gradients(parts, list(self.parts))
        return summed(parts)

    def keep(self, outputs: Tensor, batch: Batch) -> "Kept":
        found = [part.keep(outputs[:, self.codec.places[name]], batch) for name, part in self.parts.items()]
        return np.concatenate(cast("list[np.ndarray]", found), axis=1)

    def answers(self, kept: Any, inputs: Inputs) -> Outputs:
        found = [part.answers(self.codec.of(kept, name), inputs) for name, part in self.parts.items()]
        return np.concatenate(found, axis=1)

    def explained(self, label: Label, answers: Outputs, inputs: Inputs) -> None:
        """A mistake may lie in any target."""

    def score(self, kept: Any, inputs: Inputs, labels: Labels, *, finished: bool = False) -> Point:
        """The sum of the losses of what is learnt; the metrics of each target, and the mean of those that lead."""
        found: Point = {"loss": 0.0}
        leads = []
        for name, part in self.parts.items():
            places, of_target = known(labels, name)
            if not of_target:
                continue
            point = part.score(self.codec.of(kept, name)[places], inputs, of_target, finished=finished)
            loss = point.pop("loss")
            found["loss"] += loss if self.only in (None, name) else 0.0
            found |= {f"{name}.{metric}": value for metric, value in point.items()}
            leads.append(point[leading(self.codec.targets[name]).name])
        return {**found, MEAN.name: float(np.mean(leads))}

    def finish(self, model: Network) -> None:
        """Leave out what only training needs, and let each target finish its rows of the head."""
        head = cast(nn.Linear, model.head)
        if isinstance(head, Weighing):
            head = model.head = head.plain()
        own = []
        for name, part in self.parts.items():
            rows = nn.Linear(head.in_features, len(part.codec.outputs)).to(head.weight)
            rows.load_state_dict({key: value[self.codec.places[name]] for key, value in head.state_dict().items()})
            part.finish(Network(model.backbone, rows))
            own.append(rows)
        head.load_state_dict(_joined(own).state_dict())

    def fitted(self, kept: Any, inputs: Inputs, labels: Labels) -> "SeveralLearning":
        parts = {}
        for name, part in self.parts.items():
            places, of_target = known(labels, name)
            parts[name] = part.fitted(self.codec.of(kept, name)[places], inputs, of_target) if of_target else part
        codec = SeveralCodec(self.codec.targets, {name: part.codec for name, part in parts.items()})
        return replace(self, codec=codec, parts=parts)


def _joined(heads: Sequence[nn.Linear]) -> nn.Linear:
    """Linear layers side by side, as one."""
    found = nn.Linear(heads[0].in_features, sum(head.out_features for head in heads)).to(heads[0].weight)
    with torch.no_grad():
        found.weight.copy_(torch.cat([head.weight for head in heads]))
        found.bias.copy_(torch.cat([head.bias for head in heads]))
    return found
