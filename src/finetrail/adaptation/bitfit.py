"""`bitfit`: the biases of the backbone train with the head, and no other weight (Ben Zaken et al. 2022)."""

from typing import TYPE_CHECKING, Literal

from finetrail.adaptation.method import Method
from finetrail.errors import ConfigError

if TYPE_CHECKING:
    from finetrail.models.network import Network


class Bitfit(Method):
    """Train biases only: about a thousandth of the weights, including the biases of norms."""

    method: Literal["bitfit"]

    def apply(self, model: "Network") -> None:
        """Freeze everything but the biases and the head.

        Raises:
            ConfigError: the backbone has no biases.
        """
        model.backbone.requires_grad_(False)
        # Also `in_proj_bias` of nn.MultiheadAttention, and timm's `q_bias` and `v_bias`.
        biases = [one for name, one in model.backbone.named_parameters() if name.endswith("bias")]
        if not biases:
            raise ConfigError(
                "adaptation.method is 'bitfit', but this backbone has no biases; use another method, such as lora"
            )
        for bias in biases:
            bias.requires_grad_(True)
