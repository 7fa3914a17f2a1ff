"""`last_layers`: the last layers of the backbone train with the head; the lower ones stay as they are."""

from typing import TYPE_CHECKING, Literal

from pydantic import Field

from finetrail.adaptation.method import Method
from finetrail.errors import ConfigError

if TYPE_CHECKING:
    from finetrail.models.network import Network


class LastLayers(Method):
    """Train the layers nearest to the output: lower layers are more general (Yosinski et al. 2014).

    Attributes:
        layers: how many, as `finetrail.models.layers.backbone_layers` counts them.
    """

    method: Literal["last_layers"]
    layers: int = Field(ge=1)

    def apply(self, model: "Network") -> None:
        """Freeze all other layers.

        Raises:
            ConfigError: the backbone has fewer layers.
        """
        from finetrail.models.layers import backbone_layers

        layers = backbone_layers(model.backbone)
        if self.layers > len(layers):
            raise ConfigError(
                f"adaptation.layers is {self.layers}, but this backbone has {len(layers)} layers; lower it"
            )
        model.backbone.requires_grad_(False)
        for layer in layers[-self.layers :]:
            for parameter in layer:
                parameter.requires_grad_(True)
