"""Fewer layers: some of a transformer, evenly spaced, as the start of a smaller one (Sanh et al. 2019)."""

from typing import Any

from finetrail.errors import ModelError
from finetrail.models.blocks import spaced
from finetrail.models.depth import layers_of, set_layers


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
    depth: int = encoder.config.num_hidden_layers
    if wanted > depth:
        raise ModelError(f"backbone.layers is {wanted}, but {whose!r} has {depth}; ask for at most {depth}")
    if wanted == depth:
        return
    layers = layers_of(encoder)
    if layers is None:
        raise ModelError(
            f"the layers of {whose!r} cannot be told apart; remove backbone.layers, or use another backbone"
        )
    kept = spaced(depth, wanted)
    if not set_layers(encoder, [layers[place] for place in kept], kept):
        raise ModelError(f"{whose!r} cannot have fewer layers; remove backbone.layers, or use another backbone")
