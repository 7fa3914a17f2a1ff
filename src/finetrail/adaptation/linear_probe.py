"""`linear_probe`: the backbone is frozen, only the head trains (Alain & Bengio 2016)."""

from typing import TYPE_CHECKING, Literal

from finetrail.adaptation.method import Method
from finetrail.errors import ConfigError

if TYPE_CHECKING:
    from finetrail.models.network import Network


class LinearProbe(Method):
    """Train the head alone. The backbone's output is computed once, so that further epochs cost next to nothing."""

    method: Literal["linear_probe"]

    def apply(self, model: "Network") -> None:
        """Freeze the backbone.

        Raises:
            ConfigError: nothing is left to train.
        """
        if model.writes:
            raise ConfigError(
                "adaptation.method is linear_probe, but a model of this task has no head beside its backbone; use "
                "lora, last_layers or full"
            )
        model.backbone.requires_grad_(False)
