"""Encoders of transformers as backbones, and decoders, which read a text from left to right."""

from typing import Any

import torch
from torch import Tensor, nn

from finetrail.contents.text.settings import Pooling
from finetrail.models.network import Batch

_READ = ("input_ids", "attention_mask", "token_type_ids")


def token_vectors(encoder: nn.Module, batch: Batch) -> Tensor:
    """An encoder's vectors for the tokens of a batch: (B, T, D)."""
    vectors: Tensor = encoder(**{name: batch[name] for name in _READ if name in batch}).last_hidden_state
    return vectors


def is_causal(encoder: nn.Module) -> bool:
    """Whether no token sees those after it, as in GPT: the last token of a text then changes no other vector."""
    ids = torch.tensor([[1, 1, 1]])
    batches = ({"input_ids": one, "attention_mask": torch.ones_like(one)} for one in (ids, ids * ids.new([1, 1, 0])))
    with torch.no_grad():
        one, other = (token_vectors(encoder, batch) for batch in batches)
    return torch.equal(one[:, :-1], other[:, :-1])


def right_padded(batch: Batch) -> Batch:
    """The same texts with their padding, if it is on the left, on the right: there positions count from a text's start.

    Args:
        batch: input_ids, attention_mask, token_type_ids (B, T).
    """
    mask = batch["attention_mask"]
    left = (mask.cumsum(1) == 0).sum(1, keepdim=True)  # (B, 1)
    steps = torch.arange(mask.shape[1], device=mask.device)
    places = torch.minimum(steps + left, steps[-1])  # (B, T); no `%`, which torch does not write as ONNX
    moved = {name: batch[name].gather(1, places) for name in _READ if name in batch}
    return batch | moved | {"attention_mask": (steps < mask.sum(1, keepdim=True)).to(mask.dtype)}


class TextEncoder(nn.Module):
    """A transformers encoder in a network; subclasses turn its token vectors into features.

    Args:
        encoder: any model that maps input_ids and attention_mask (B, T) to `last_hidden_state` (B, T, D).
        spare: how many tokens the encoder can read beyond the longest text; None for any number.
    """

    def __init__(self, encoder: nn.Module, spare: int | None = None) -> None:
        super().__init__()
        self.encoder = encoder
        self.spare = spare

    def add_soft_prompt(self, method: Any, tokens: int) -> Any:
        """Put trained vectors in front of every text; see `finetrail.contents.text.soft_prompts`."""
        from finetrail.contents.text.soft_prompts import add_soft_prompt

        return add_soft_prompt(self, method, tokens)


class PooledEncoder(TextEncoder):
    """An encoder whose token vectors are pooled to one feature vector (B, D).

    Args:
        encoder, spare: as for `TextEncoder`.
        pooling: `mean` over the text's tokens (Reimers & Gurevych 2019); `cls`, the first token; or `last`, the last
            one, the only one of a decoder that has seen the whole text (Radford et al. 2018).
    """

    def __init__(self, encoder: nn.Module, pooling: Pooling, spare: int | None = None) -> None:
        super().__init__(encoder, spare)
        self.pooling = pooling

    def forward(self, batch: Batch) -> Tensor:
        """Features (B, D) of a batch with input_ids and attention_mask (B, T)."""
        if self.pooling == "last":
            batch = right_padded(batch)
        tokens = token_vectors(self.encoder, batch)
        if self.pooling == "cls":
            return tokens[:, 0]
        if self.pooling == "last":
            last = batch["attention_mask"].sum(1).clamp(min=1) - 1  # (B,)
            return tokens.gather(1, last.view(-1, 1, 1).expand(-1, -1, tokens.shape[-1])).squeeze(1)
        mask = batch["attention_mask"].unsqueeze(-1).to(tokens.dtype)  # (B, T, 1)
        return (tokens * mask).sum(1) / mask.sum(1).clamp(min=1)


class PlaceEncoder(TextEncoder):
    """An encoder whose features stand at places of its tokens, such as the first piece of each word: (B, W, D)."""

    def forward(self, batch: Batch) -> Tensor:
        """Features (B, W, D) of a batch with input_ids and attention_mask (B, T), and places (B, W)."""
        vectors = token_vectors(self.encoder, batch)
        places = batch["places"].unsqueeze(-1).expand(-1, -1, vectors.shape[-1])
        return vectors.gather(1, places)
