"""`last_layers`: the last layers of the backbone train with the head, those below stay as they are."""

from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from finetrail.errors import ConfigError
from finetrail.settings import Settings

if TYPE_CHECKING:
    from finetrail.models.network import Classifier


class LastLayers(Settings):
    """Train the layers that are nearest to the answer: what is below them is the most general (Yosinski et al. 2014).

    Attributes:
        layers: how many, as `finetrail.models.layers.backbone_layers` counts them: blocks of the backbone.
    """

    method: Literal["last_layers"]
    layers: int = Field(ge=1)
    texts_only: ClassVar[bool] = False

    def apply(self, model: "Classifier") -> None:
        """Freeze all other layers.

        Raises:
            ConfigError: the backbone has fewer layers.
        """
        from finetrail.models.layers import backbone_layers

        layers = backbone_layers(model.backbone)
        if self.layers > len(layers):
            raise ConfigError(f"adaptation.layers is {self.layers}, but this backbone has {len(layers)}; lower it")
        model.backbone.requires_grad_(False)
        for layer in layers[-self.layers :]:
            for parameter in layer:
                parameter.requires_grad_(True)

    def start_epoch(self, model: "Classifier", epoch: int) -> None:
        """Every epoch trains the same."""

    def merge(self, model: "Classifier") -> None:
        """Nothing was added."""
