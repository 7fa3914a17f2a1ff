"""Integrated gradients (Sundararajan et al. 2017): what each part of a row adds to an output.

Gradients are taken at points on the straight line from a baseline, which says nothing, to the row, and integrated
along it. The sum over all parts is then the difference between the output for the row and that for the baseline, up to
the error of the integration, which is measured: that is the completeness of the method.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from torch import Tensor

from finetrail.contents.explainable import Explainable, Values
from finetrail.models.network import Network

if TYPE_CHECKING:
    from finetrail.targets.learning import Explained

AT_ONCE = 16
"""Points of the line that go through the model together."""


@dataclass(frozen=True)
class Attributed:
    """What the parts of a row add to an output.

    Attributes:
        values: of each part (P,).
        output, baseline: the output for the row, and for the baseline.
    """

    values: Values
    output: float
    baseline: float

    @property
    def error(self) -> float:
        """How far the sum of the values is from the difference of the outputs, as a share of it."""
        difference = self.output - self.baseline
        return abs(float(self.values.sum()) - difference) / max(abs(difference), 1e-6)


def attributed(model: Network, one: Explainable, output: "Explained", steps: int) -> Attributed:
    """Integrate the gradients of an output over one example.

    Args:
        output: which one.
        steps: points on the line.
    """
    import torch
    from captum.attr import IntegratedGradients, LayerIntegratedGradients

    device = next(model.parameters()).device
    model.eval()
    others = {name: tensor.to(device) for name, tensor in one.batch.items() if name != one.name}

    def forward(varied: Tensor, *rest: Tensor) -> Tensor:
        batch = {one.name: varied, **dict(zip(others, rest, strict=True))}
        found: Tensor = model(batch)[(slice(None), *output.place)]
        return found

    row, baseline, rest = one.batch[one.name].to(device), one.baseline.to(device), tuple(others.values())
    method = IntegratedGradients(forward) if one.layer is None else LayerIntegratedGradients(forward, one.layer)
    found = method.attribute(
        row, baseline, additional_forward_args=rest or None, n_steps=steps, internal_batch_size=AT_ONCE
    )
    with torch.no_grad():
        ends = [float(forward(end, *rest)) for end in (row, baseline)]
    return Attributed(one.parts.summed(found[0].detach()), *ends)
