"""How many layers a transformer has: its list of them, and a configuration that says so."""

from collections.abc import Sequence
from typing import Any

from torch import nn

from finetrail.models.blocks import backbone_blocks


def layers_of(encoder: Any) -> list[nn.Module] | None:
    """The layers of a model of transformers; None where they are no list as long as its configuration says."""
    found = _named(encoder)
    return found and found[1]


def set_layers(encoder: Any, layers: Sequence[nn.Module], places: Sequence[int]) -> bool:
    """Give a model of transformers other layers, in place.

    Args:
        layers: of a model for which `layers_of` has an answer, or copies of them.
        places: where each stood in the old list, or what it is a copy of stood.

    Returns:
        Whether the configuration still describes the model: a saved one is rebuilt from it.
    """
    found = _named(encoder)
    if found is None:
        return False
    parent, _, own = found[0].rpartition(".")
    setattr(encoder.get_submodule(parent), own, nn.ModuleList(layers))
    for number, (layer, place) in enumerate(zip(layers, places, strict=True)):
        for module in layer.modules():
            if getattr(module, "layer_idx", None) == place:  # its place in a cache of keys and values
                module.layer_idx = number  # type: ignore[assignment]
    config = encoder.config
    if isinstance(kinds := getattr(config, "layer_types", None), list):
        config.layer_types = [kinds[place] for place in places]
    config.num_hidden_layers = len(layers)
    return _describes(encoder)


def _named(encoder: Any) -> tuple[str, list[nn.Module]] | None:
    blocks = {id(block) for _, block in backbone_blocks(encoder)}
    for name, module in encoder.named_modules():
        if (
            isinstance(module, nn.ModuleList)
            and len(module) == encoder.config.num_hidden_layers
            and {id(one) for one in module} == blocks
        ):
            return name, list(module)
    return None


def _describes(encoder: Any) -> bool:
    import torch

    with torch.device("meta"):
        rebuilt = type(encoder)(encoder.config)
    shapes = [
        {name: tensor.shape for name, tensor in one.state_dict().items() if not name.startswith("pooler.")}
        for one in (encoder, rebuilt)
    ]
    return bool(shapes[0] == shapes[1])
