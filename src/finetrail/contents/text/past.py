"""Stand-ins for a network's cache of earlier tokens."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

Pair = tuple[Tensor, Tensor]
"""The keys and the values of a layer, (1, H, P, D / H) each: of P tokens, which stand in front of every text."""


class Past:
    """Puts tokens in front of every text. It keeps nothing, so a layer may be recomputed.

    Args:
        pairs: of each layer.
    """

    def __init__(self, pairs: Sequence[Pair]) -> None:
        self.pairs = pairs

    def get_seq_length(self, layer: int = 0) -> int:
        return self.pairs[layer][0].shape[2]

    def get_query_offset(self, layer: int = 0) -> int:
        return self.get_seq_length(layer)

    def get_mask_sizes(self, length: int, layer: int = 0) -> tuple[int, int]:
        return self.get_seq_length(layer) + length, 0

    def update(self, keys: Tensor, values: Tensor, layer: int, *_: Any, **__: Any) -> Pair:
        """Keys and values (B, H, P + T, D / H) of keys and values (B, H, T, D / H)."""
        before = [one.to(keys.dtype).expand(len(keys), -1, -1, -1) for one in self.pairs[layer]]
        return torch.cat((before[0], keys), dim=2), torch.cat((before[1], values), dim=2)


class Seen:
    """Keeps the keys and values of a first text, and puts nothing in front of it."""

    def __init__(self) -> None:
        self._by_layer: dict[int, Pair] = {}

    def pairs(self, encoder: Any) -> list[Pair]:
        """Those of the last time that each layer of an encoder ran.

        Raises:
            ValueError: a layer has none, as in recurrent networks.
        """
        layers = range(encoder.config.num_hidden_layers)
        without = [layer for layer in layers if layer not in self._by_layer]
        if without:
            raise ValueError(f"layer {without[0]} keeps no keys and values")
        return [self._by_layer[layer] for layer in layers]

    def get_seq_length(self, layer: int = 0) -> int:
        return 0

    def get_query_offset(self, layer: int = 0) -> int:
        return 0

    def get_mask_sizes(self, length: int, layer: int = 0) -> tuple[int, int]:
        return length, 0

    def update(self, keys: Tensor, values: Tensor, layer: int, *_: Any, **__: Any) -> Pair:
        self._by_layer[layer] = keys, values
        return keys, values
