"""Trained vectors that a text encoder reads beside a text. They are no part of its weights, so they are saved too."""

import inspect
from typing import Any, Literal, Protocol, cast

import torch
from torch import Tensor, nn

from finetrail.contents.text.encoder import TextEncoder
from finetrail.errors import ConfigError

Method = Literal["prompt_tuning", "prefix_tuning"]


class SoftPrompt(Protocol):
    """An encoder with trained vectors, which replaces the encoder that it holds."""

    method: Method
    encoder: nn.Module
    tokens: int

    def initialise(self) -> None:
        """Draw the vectors that training starts from."""
        ...


class PromptEncoder(nn.Module):
    """An encoder that prepends trained embeddings to its texts (Lester et al. 2021).

    Args:
        encoder: of transformers; it must take `inputs_embeds`.
        tokens: P, how many.
    """

    method: Method = "prompt_tuning"

    def __init__(self, encoder: Any, tokens: int) -> None:
        super().__init__()
        self.encoder = encoder
        self.tokens = tokens
        _require(encoder, "inputs_embeds", "prompt_tuning")
        self.prompt = nn.Parameter(torch.zeros(tokens, encoder.get_input_embeddings().embedding_dim))

    @property
    def config(self) -> Any:
        """That of the encoder."""
        return self.encoder.config

    def get_input_embeddings(self) -> Any:
        """That of the encoder: one vector a token."""
        return self.encoder.get_input_embeddings()

    def initialise(self) -> None:
        """Start from the embeddings of random words of the vocabulary, which learn better than noise."""
        words: Tensor = self.get_input_embeddings().weight
        with torch.no_grad():
            self.prompt.copy_(words[torch.randint(len(words), (self.tokens,)).to(words.device)])

    def forward(self, input_ids: Tensor, attention_mask: Tensor, token_type_ids: Tensor | None = None) -> Any:
        """As the encoder. Args: all (B, T). Returns: `last_hidden_state` (B, T, D)."""
        words = self.get_input_embeddings()(input_ids)  # (B, T, E)
        prompt = self.prompt.to(words.dtype).expand(len(words), -1, -1)
        output = self.encoder(
            inputs_embeds=torch.cat((prompt, words), dim=1),
            attention_mask=_widened(attention_mask, self.tokens),
            **_types(token_type_ids, self.tokens),
        )
        output.last_hidden_state = output.last_hidden_state[:, self.tokens :]
        return output


class PrefixEncoder(nn.Module):
    """An encoder whose layers also attend to trained keys and values (Li & Liang 2021).

    They are trained directly, without the perceptron that the paper uses in training (as in Liu et al. 2022, P-tuning
    v2, who found that it gains nothing for understanding).

    Args:
        encoder: of transformers; it must take `past_key_values`, as BERT, RoBERTa, GPT-2, Llama and their kin do.
        tokens: P, how many per layer.
    """

    method: Method = "prefix_tuning"

    def __init__(self, encoder: Any, tokens: int) -> None:
        super().__init__()
        self.encoder = encoder
        self.tokens = tokens
        _require(encoder, "past_key_values", "prefix_tuning")
        config = encoder.config
        # Heads of queries may share keys and values (Ainslie et al. 2023), and be wider than their part of the model.
        self.heads: int = getattr(config, "num_key_value_heads", None) or config.num_attention_heads
        width = self.heads * (getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads)
        # (2 L, P, K): with a fourth dimension torch would take it for images.
        self.prefix = nn.Parameter(torch.zeros(2 * config.num_hidden_layers, tokens, width))

    @property
    def config(self) -> Any:
        """That of the encoder."""
        return self.encoder.config

    def get_input_embeddings(self) -> Any:
        """That of the encoder: one vector a token."""
        return self.encoder.get_input_embeddings()

    def initialise(self) -> None:
        """Start with small noise: vectors that say nothing yet."""
        nn.init.normal_(self.prefix, std=0.02)

    def forward(self, input_ids: Tensor, attention_mask: Tensor, token_type_ids: Tensor | None = None) -> Any:
        """As the encoder. Args: all (B, T). Returns: `last_hidden_state` (B, T, D)."""
        return self.encoder(
            input_ids=input_ids,
            attention_mask=_widened(attention_mask, self.tokens),
            past_key_values=_Past(self.prefix, self.heads),
            **_types(token_type_ids, 0),
        )


class _Past:
    """Stands in for a layer's cache of earlier tokens. It keeps nothing, so a layer may be recomputed."""

    def __init__(self, prefix: Tensor, heads: int) -> None:
        self.prefix = prefix
        self.heads = heads

    def get_seq_length(self, layer: int = 0) -> int:
        return self.prefix.shape[1]

    def get_query_offset(self, layer: int = 0) -> int:
        return self.get_seq_length(layer)

    def get_mask_sizes(self, length: int, layer: int = 0) -> tuple[int, int]:
        return self.get_seq_length(layer) + length, 0

    def update(self, keys: Tensor, values: Tensor, layer: int, *_: Any, **__: Any) -> tuple[Tensor, Tensor]:
        """Keys and values (B, H, P + T, D / H) of keys and values (B, H, T, D / H)."""
        prefix = self.prefix[2 * layer : 2 * layer + 2].to(keys.dtype)
        prefix = prefix.view(*prefix.shape[:2], self.heads, -1).transpose(1, 2)
        before = prefix.unsqueeze(1).expand(-1, len(keys), -1, -1, -1)  # (2, B, H, P, D / H)
        return torch.cat((before[0], keys), dim=2), torch.cat((before[1], values), dim=2)


_ENCODERS: dict[Method, type[PromptEncoder] | type[PrefixEncoder]] = {
    "prompt_tuning": PromptEncoder,
    "prefix_tuning": PrefixEncoder,
}


def add_soft_prompt(backbone: TextEncoder, method: Method, tokens: int) -> SoftPrompt:
    """Replace the backbone's encoder with one that has trained vectors, still all zero.

    Raises:
        ConfigError: the encoder takes no such vectors, or there is no room for them beside the longest texts.
    """
    if backbone.spare is not None and tokens > backbone.spare:
        raise ConfigError(
            f"adaptation.tokens is {tokens}, but this backbone reads only {backbone.spare} more than max_tokens; "
            "lower one of the two"
        )
    soft = _ENCODERS[method](backbone.encoder, tokens)
    backbone.encoder = soft
    return cast(SoftPrompt, soft)


def describe_soft_prompt(backbone: TextEncoder) -> dict[str, Any]:
    """What `add_soft_prompt` needs to build it again, for model.json; empty where there is none."""
    encoder = backbone.encoder
    if not isinstance(encoder, PromptEncoder | PrefixEncoder):
        return {}
    return {"soft_prompt": {"method": encoder.method, "tokens": encoder.tokens}}


def _widened(mask: Tensor, tokens: int) -> Tensor:
    return torch.cat((mask.new_ones(len(mask), tokens), mask), dim=1)


def _types(types: Tensor | None, tokens: int) -> dict[str, Tensor]:
    """The segments of a text's tokens, after those of `tokens` vectors; empty where there is one segment."""
    return {} if types is None else {"token_type_ids": torch.cat((types.new_zeros(len(types), tokens), types), dim=1)}


def _require(encoder: nn.Module, argument: str, method: Method) -> None:
    if argument not in inspect.signature(encoder.forward).parameters:
        raise ConfigError(
            f"adaptation.method is {method!r}, but {type(encoder).__name__} does not accept {argument}; "
            "use another method"
        )
