"""Bottleneck adapters inside a backbone: they cannot become part of its weights, so they are saved with it."""

from collections.abc import Sequence
from typing import Any

from torch import Tensor, nn


class Bottleneck(nn.Module):
    """Down to a few numbers, through a GELU, up again, and added to what came in (Houlsby et al. 2019).

    Args:
        width: D, of the vectors (B, ..., D) that come in.
        size: of the bottleneck.
    """

    def __init__(self, width: int, size: int) -> None:
        super().__init__()
        self.down, self.up = nn.Linear(width, size), nn.Linear(size, width)
        # It starts by changing nothing.
        nn.init.zeros_(self.up.weight)
        nn.init.zeros_(self.up.bias)

    def forward(self, vectors: Tensor) -> Tensor:
        """Vectors (B, ..., D)."""
        changed: Tensor = self.up(nn.functional.gelu(self.down(vectors)))
        return vectors + changed


def add_bottlenecks(backbone: nn.Module, layers: Sequence[str], size: int) -> None:
    """Put an adapter behind the output of each of some layers, under the name `bottleneck` inside it.

    The names of the backbone's own weights stay as they are.

    Args:
        layers: their names; linear ones, or `nn.MultiheadAttention`s.
    """
    for name in layers:
        layer = backbone.get_submodule(name)
        layer.add_module("bottleneck", Bottleneck(_width(layer), size).to(next(layer.parameters()).device))
        layer.register_forward_hook(_pass_through)


def describe_bottlenecks(backbone: nn.Module) -> dict[str, Any]:
    """What `add_bottlenecks` needs to put them there again, for model.json; empty for a backbone without any."""
    held = {name.rpartition(".")[0]: one for name, one in backbone.named_modules() if isinstance(one, Bottleneck)}
    size = next((one.down.out_features for one in held.values()), 0)
    return {"bottlenecks": {"layers": list(held), "size": size}} if held else {}


def _width(layer: Any) -> int:
    """Of what the layer gives; transformers' Conv1D, a linear layer of GPT-2, calls it `nf`."""
    if isinstance(layer, nn.MultiheadAttention):
        return int(layer.embed_dim)
    return int(layer.nf if hasattr(layer, "nf") else layer.out_features)


def _pass_through(layer: Any, given: Any, output: Any) -> Any:
    """The output of a layer after its adapter. Attention gives a tuple."""
    if isinstance(output, tuple):
        return (layer.bottleneck(output[0]), *output[1:])
    return layer.bottleneck(output)
