"""The logits of causal models, which some of them scale or cap."""

from typing import Any

import torch
from torch import Tensor, nn


def logits_of(layer: nn.Module, config: Any, vectors: Tensor) -> Tensor:
    """The logits (..., V) of vectors (..., D), as Granite and Cohere scale them, and as Gemma caps them.

    Args:
        layer: the output layer.
        config: of the model.
    """
    found: Tensor = layer(vectors)
    if divisor := getattr(config, "logits_scaling", None):
        found = found / divisor
    if factor := getattr(config, "logit_scale", None):
        found = found * factor
    if most := getattr(config, "final_logit_softcapping", None):
        found = torch.tanh(found / most) * most
    return found


def are_known(model: Any) -> bool:
    """Whether the logits of a causal model are those of `logits_of`."""
    ids = torch.arange(4).unsqueeze(0)
    with torch.no_grad():
        vectors = getattr(model, model.base_model_prefix)(input_ids=ids, use_cache=False)["last_hidden_state"]
        found: Tensor = model(input_ids=ids, use_cache=False)["logits"]
        return torch.allclose(logits_of(model.get_output_embeddings(), model.config, vectors), found, 1e-4, 1e-4)
