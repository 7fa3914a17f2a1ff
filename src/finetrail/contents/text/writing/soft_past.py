"""Trained vectors that a causal model reads in front of every text.

As no token sees those after it, what such vectors leave behind does not depend on the text: keys and values in each
layer, computed once for all texts of a batch.
"""

from abc import abstractmethod
from typing import Any

import torch
from torch import nn

from finetrail.contents.text.past import Pair, Seen
from finetrail.contents.text.soft_prompts import Method, empty_prefix, pairs_of, random_words, require


class SoftPast(nn.Module):
    """What stands in front of every text. Attributes: tokens: P, how many vectors."""

    method: Method

    def __init__(self, tokens: int) -> None:
        super().__init__()
        self.tokens = tokens

    @property
    def vectors(self) -> nn.Parameter:
        """All that trains."""
        (found,) = self.parameters()
        return found

    @abstractmethod
    def initialise(self, encoder: Any) -> None:
        """Draw the vectors that training starts from. Args: encoder: reads them."""

    @abstractmethod
    def pairs(self, encoder: Any) -> list[Pair]:
        """The keys and values of each layer. Args: encoder: as above."""


class PromptPast(SoftPast):
    """Trained embeddings (Lester et al. 2021). Args: encoder: of transformers; tokens: P, how many."""

    method: Method = "prompt_tuning"

    def __init__(self, encoder: Any, tokens: int) -> None:
        super().__init__(tokens)
        require(encoder, "inputs_embeds", self.method)
        require(encoder, "past_key_values", self.method)
        self.prompt = nn.Parameter(torch.zeros(tokens, encoder.get_input_embeddings().embedding_dim))

    def initialise(self, encoder: Any) -> None:
        """Start from random words; see `random_words`."""
        self.prompt.data.copy_(random_words(encoder.get_input_embeddings(), self.tokens))

    def pairs(self, encoder: Any) -> list[Pair]:
        """What the encoder remembers of having read the embeddings."""
        seen = Seen()
        encoder(inputs_embeds=self.prompt.unsqueeze(0), past_key_values=seen, use_cache=False)
        return seen.pairs(encoder)


class PrefixPast(SoftPast):
    """Trained keys and values (Li & Liang 2021); see `finetrail.contents.text.soft_prompts.PrefixEncoder`."""

    method: Method = "prefix_tuning"

    def __init__(self, encoder: Any, tokens: int) -> None:
        super().__init__(tokens)
        self.heads, self.prefix = empty_prefix(encoder, tokens)

    def initialise(self, encoder: Any) -> None:
        """Start with small noise: vectors that say nothing yet."""
        nn.init.normal_(self.prefix, std=0.02)

    def pairs(self, encoder: Any) -> list[Pair]:
        """The vectors themselves."""
        return pairs_of(self.prefix, self.heads)


SOFT_PASTS: dict[Method, type[PromptPast] | type[PrefixPast]] = {
    "prompt_tuning": PromptPast,
    "prefix_tuning": PrefixPast,
}
