"""Encoders of transformers as backbones."""

from typing import Any, Literal

from torch import Tensor, nn

from finetrail.models.network import Batch

_READ = ("input_ids", "attention_mask", "token_type_ids")


def token_vectors(encoder: nn.Module, batch: Batch) -> Tensor:
    """An encoder's vectors for the tokens of a batch: (B, T, D)."""
    vectors: Tensor = encoder(**{name: batch[name] for name in _READ if name in batch}).last_hidden_state
    return vectors


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
        pooling: `mean` over the text's tokens (Reimers & Gurevych 2019), or `cls`, the first token.
    """

    def __init__(self, encoder: nn.Module, pooling: Literal["mean", "cls"], spare: int | None = None) -> None:
        super().__init__(encoder, spare)
        self.pooling = pooling

    def forward(self, batch: Batch) -> Tensor:
        """Features (B, D) of a batch with input_ids and attention_mask (B, T)."""
        tokens = token_vectors(self.encoder, batch)
        if self.pooling == "cls":
            return tokens[:, 0]
        mask = batch["attention_mask"].unsqueeze(-1).to(tokens.dtype)  # (B, T, 1)
        return (tokens * mask).sum(1) / mask.sum(1).clamp(min=1)


class WordEncoder(TextEncoder):
    """An encoder whose features are its words: (B, W, D), the vector of the first piece of each."""

    def forward(self, batch: Batch) -> Tensor:
        """Features (B, W, D) of a batch with input_ids and attention_mask (B, T), and word_pieces (B, W)."""
        vectors = token_vectors(self.encoder, batch)
        places = batch["word_pieces"].unsqueeze(-1).expand(-1, -1, vectors.shape[-1])
        return vectors.gather(1, places)
