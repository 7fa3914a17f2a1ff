"""`gradual_unfreeze`: the head trains first, then step by step more layers (Howard & Ruder 2018)."""

from typing import TYPE_CHECKING, Literal

from pydantic import Field

from finetrail.adaptation.method import Method

if TYPE_CHECKING:
    from finetrail.models.network import Network


class GradualUnfreeze(Method):
    """Let the head settle before its errors reach the backbone, and the upper layers before the lower ones.

    Attributes:
        every: epochs between unfreezings.
        layers: layers to unfreeze at a time, from the top, as `backbone_layers` counts them.
    """

    method: Literal["gradual_unfreeze"]
    every: int = Field(1, ge=1)
    layers: int = Field(1, ge=1)

    def apply(self, model: "Network") -> None:
        """Make every parameter trainable, so that optimiser and checkpoints include all that may ever train."""
        model.requires_grad_(True)

    def start_epoch(self, model: "Network", epoch: int) -> None:
        """Freeze the layers that do not train yet. Args: epoch: counted from 1."""
        from finetrail.models.layers import backbone_layers

        steps = (epoch - 1) // self.every
        thawed = (steps + 1 if model.writes else steps) * self.layers  # without a head, the top layers begin
        for above, layer in enumerate(reversed(backbone_layers(model.backbone))):
            for parameter in layer:
                parameter.requires_grad_(above < thawed)
