"""Fewer layers: some of a transformer, evenly spaced, as the start of a smaller one (Sanh et al. 2019)."""

from typing import Any

from torch import nn

from finetrail.errors import ModelError
from finetrail.models.blocks import backbone_blocks, spaced


def keep_layers(encoder: Any, wanted: int | None, whose: str) -> None:
    """Drop all but some layers of an encoder, in place; its configuration says so.

    See `finetrail.models.blocks.spaced` for which.

    Args:
        encoder: of transformers.
        wanted: how many to keep; None for all.
        whose: the address of its weights, for messages.

    Raises:
        ModelError: it has fewer, or its layers cannot be told apart.
    """
    if wanted is None:
        return
    config = encoder.config
    depth: int = config.num_hidden_layers
    if wanted > depth:
        raise ModelError(f"backbone.layers is {wanted}, but {whose!r} has {depth}; ask for at most {depth}")
    if wanted == depth:
        return
    kept = spaced(depth, wanted)
    name, layers = _layers(encoder, depth, whose)
    parent, _, own = name.rpartition(".")
    setattr(encoder.get_submodule(parent), own, nn.ModuleList(layers[place] for place in kept))
    for number, place in enumerate(kept):
        for module in layers[place].modules():
            if getattr(module, "layer_idx", None) == place:  # its place in a cache of keys and values
                module.layer_idx = number  # type: ignore[assignment]
    if isinstance(kinds := getattr(config, "layer_types", None), list):
        config.layer_types = [kinds[place] for place in kept]
    config.num_hidden_layers = wanted
    _refuse_another(encoder, whose)


def _layers(encoder: nn.Module, depth: int, whose: str) -> tuple[str, list[nn.Module]]:
    """The list of the encoder's layers, with its name."""
    blocks = {id(block) for _, block in backbone_blocks(encoder)}
    for name, module in encoder.named_modules():
        if isinstance(module, nn.ModuleList) and len(module) == depth and {id(one) for one in module} == blocks:
            return name, list(module)
    raise ModelError(f"the layers of {whose!r} cannot be told apart; remove backbone.layers, or use another backbone")


def _refuse_another(encoder: Any, whose: str) -> None:
    """Raise ModelError where the configuration no longer describes the encoder: a saved model is rebuilt from it."""
    import torch

    with torch.device("meta"):
        rebuilt = type(encoder)(encoder.config)
    shapes = [
        {name: tensor.shape for name, tensor in one.state_dict().items() if not name.startswith("pooler.")}
        for one in (encoder, rebuilt)
    ]
    if shapes[0] != shapes[1]:
        raise ModelError(f"{whose!r} cannot have fewer layers; remove backbone.layers, or use another backbone")
