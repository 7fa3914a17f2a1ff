"""`extra_layers`: new blocks on top of the pretrained ones train (Wu et al. 2024, whose blocks stand between them)."""

from copy import deepcopy
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field

from finetrail.adaptation.layers import branch_ends
from finetrail.adaptation.method import Method
from finetrail.errors import ConfigError

if TYPE_CHECKING:
    from torch import nn

    from finetrail.models.network import Network


class ExtraLayers(Method):
    """Add blocks on top of a transformer, and train them and the head.

    Each is a copy of the last block whose two branches give nothing at first: where the norms stand in front of the
    branches, the network starts as the pretrained one; where they stand behind, its vectors are only normed again. The
    saved model is one of the same architecture with more layers, so other libraries load it.

    Attributes:
        layers: how many.
        backbone: whether the pretrained blocks rest or train too.
    """

    method: Literal["extra_layers"]
    layers: int = Field(1, ge=1, le=24)
    backbone: Literal["frozen", "trained"] = "frozen"

    def apply(self, model: "Network") -> None:
        """Add the blocks; freeze the others, unless they train too.

        Raises:
            ConfigError: the backbone is no transformer of transformers whose configuration counts its blocks.
        """
        from finetrail.models.depth import layers_of, set_layers

        encoder = _counted(model.backbone)
        layers = encoder and layers_of(encoder)
        if not layers:
            raise _refused("has no list of blocks that its configuration counts")
        model.backbone.requires_grad_(self.backbone == "trained")
        added = [deepcopy(layers[-1]) for _ in range(self.layers)]
        for block in added:
            _silence(block)
            block.requires_grad_(True)
        depth = len(layers)
        if not set_layers(encoder, [*layers, *added], [*range(depth), *[depth - 1] * self.layers]):
            raise _refused("cannot have more blocks than it was trained with")


def _counted(backbone: "nn.Module") -> Any:
    """The outermost part with a configuration of transformers that says how many layers it has."""
    for module in backbone.modules():
        if hasattr(getattr(module, "config", None), "num_hidden_layers"):
            return module
    return None


def _silence(block: "nn.Module") -> None:
    """Let the branches of a block add nothing to what comes in."""
    from torch import nn

    inner, attentions = branch_ends(block)
    if not inner or not attentions:
        raise _refused("has no attention and feed-forward layers under a known name")
    for name in (*inner, *attentions):
        layer: Any = block.get_submodule(name)
        for parameter in (layer.out_proj if isinstance(layer, nn.MultiheadAttention) else layer).parameters():
            nn.init.zeros_(parameter)


def _refused(why: str) -> ConfigError:
    return ConfigError(
        f"adaptation.method is 'extra_layers', but this backbone {why}; use another method, such as lora"
    )
