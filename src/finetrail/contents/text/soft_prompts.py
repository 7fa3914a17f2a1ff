"""Trained vectors that a text encoder reads beside a text. They are no part of its weights, so they are saved too."""

import inspect
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Literal, Protocol, cast

import torch
from torch import Tensor, nn

from finetrail.contents.text.encoder import TextEncoder
from finetrail.contents.text.past import Pair, Past, Seen
from finetrail.errors import ConfigError

Method = Literal["prompt_tuning", "prefix_tuning"]


class SoftPrompt(Protocol):
    """An encoder with trained vectors, which replaces the encoder that it holds."""

    method: Method
    encoder: nn.Module
    tokens: int

    def initialise(self) -> None:
        """Draw the vectors that training starts from. Raises: ConfigError: the encoder cannot be trained with them."""
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
        require(encoder, "inputs_embeds", "prompt_tuning")
        self.prompt = nn.Parameter(torch.zeros(tokens, encoder.get_input_embeddings().embedding_dim))

    @property
    def config(self) -> Any:
        """That of the encoder."""
        return self.encoder.config

    def get_input_embeddings(self) -> Any:
        """That of the encoder: one vector a token."""
        return self.encoder.get_input_embeddings()

    def initialise(self) -> None:
        """Start from random words; see `random_words`."""
        self.prompt.data.copy_(random_words(self.get_input_embeddings(), self.tokens))
        try_out(self.method, self.prompt, lambda: self(**two_tokens()).last_hidden_state)

    def forward(self, input_ids: Tensor, attention_mask: Tensor, token_type_ids: Tensor | None = None) -> Any:
        """As the encoder. Args: all (B, T). Returns: `last_hidden_state` (B, T, D)."""
        words = self.get_input_embeddings()(input_ids)  # (B, T, E)
        prompt = self.prompt.to(words.dtype).expand(len(words), -1, -1)
        output = self.encoder(
            inputs_embeds=torch.cat((prompt, words), dim=1),
            attention_mask=widened(attention_mask, self.tokens),
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
        self.heads, self.prefix = empty_prefix(encoder, tokens)

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
        try_out(self.method, self.prefix, lambda: self(**two_tokens()).last_hidden_state)

    def forward(self, input_ids: Tensor, attention_mask: Tensor, token_type_ids: Tensor | None = None) -> Any:
        """As the encoder. Args: all (B, T). Returns: `last_hidden_state` (B, T, D)."""
        return self.encoder(
            input_ids=input_ids,
            attention_mask=widened(attention_mask, self.tokens),
            past_key_values=Past(pairs_of(self.prefix, self.heads)),
            **_types(token_type_ids, 0),
        )


_ENCODERS: dict[Method, type[PromptEncoder] | type[PrefixEncoder]] = {
    "prompt_tuning": PromptEncoder,
    "prefix_tuning": PrefixEncoder,
}


def add_soft_prompt(backbone: TextEncoder, method: Method, tokens: int) -> SoftPrompt:
    """Replace the backbone's encoder with one that has trained vectors, still all zero.

    Raises:
        ConfigError: the encoder takes no such vectors, or there is no room for them beside the longest texts.
    """
    refuse_crowded(tokens, backbone.spare)
    soft = _ENCODERS[method](backbone.encoder, tokens)
    backbone.encoder = soft
    return cast(SoftPrompt, soft)


def describe_soft_prompt(soft: Any) -> dict[str, Any]:
    """What `add_soft_prompt` needs to build it again, for model.json; empty for what has no trained vectors."""
    known = getattr(soft, "method", None) in _ENCODERS
    return {"soft_prompt": {"method": soft.method, "tokens": soft.tokens}} if known else {}


def refuse_crowded(tokens: int, spare: int | None) -> None:
    """Raise ConfigError where vectors find no room beside the longest texts. Args: spare: None for any number."""
    if spare is not None and tokens > spare:
        raise ConfigError(
            f"adaptation.tokens is {tokens}, but this backbone reads only {spare} more than max_tokens; "
            "lower one of the two"
        )


def random_words(embeddings: nn.Module, tokens: int) -> Tensor:
    """The embeddings (P, E) of random words of the vocabulary, which learn better than noise."""
    words = cast(Tensor, embeddings.weight)
    with torch.no_grad():
        found: Tensor = embeddings(torch.randint(len(words), (tokens,)).to(words.device))
    return found


def empty_prefix(encoder: Any, tokens: int) -> tuple[int, nn.Parameter]:
    """How many heads of an encoder have keys of their own, and room (2 L, P, K) for a key and a value in each layer.

    The encoder shows them by reading two tokens: heads of queries may share keys (Ainslie et al. 2023), and be wider
    than their part of the model.

    Raises:
        ConfigError: its layers take no keys and values, or differ in their number or width.
    """
    require(encoder, "past_key_values", "prefix_tuning")
    seen = Seen()
    with reported("prefix_tuning"), torch.no_grad():
        encoder(**two_tokens(), past_key_values=seen)
        pairs = seen.pairs(encoder)
    shapes = {(one.shape[1], one.shape[3]) for pair in pairs for one in pair}
    if len(shapes) != 1:
        raise _unfit("prefix_tuning", "its layers have keys and values of different sizes")
    heads, width = shapes.pop()
    # With a fourth dimension torch would take it for images.
    return heads, nn.Parameter(torch.zeros(2 * len(pairs), tokens, heads * width))


def pairs_of(prefix: Tensor, heads: int) -> list[Pair]:
    """The keys and values of each layer. Args: prefix: (2 L, P, K)."""
    split = prefix.view(*prefix.shape[:2], heads, -1).transpose(1, 2).unsqueeze(1)  # (2 L, 1, H, P, K / H)
    return list(zip(split[0::2], split[1::2], strict=True))


def widened(mask: Tensor, tokens: int) -> Tensor:
    """The mask (B, P + T) of texts with so many vectors in front. Args: mask: (B, T)."""
    return torch.cat((mask.new_ones(len(mask), tokens), mask), dim=1)


def try_out(method: Method, vectors: nn.Parameter, read: Callable[[], Tensor]) -> None:
    """A step forward and back on two tokens.

    Raises:
        ConfigError: the network fails, or its output does not depend on the vectors.
    """
    with reported(method), torch.enable_grad():
        (gradient,) = torch.autograd.grad(read()[..., 0].sum(), [vectors], allow_unused=True)
    if gradient is None or not bool(gradient.any()):
        raise _unfit(method, "it takes no notice of them")


@contextmanager
def reported(method: Method) -> Iterator[None]:
    """Raise ConfigError for what a network raises that was not made for trained vectors."""
    try:
        yield
    except (RuntimeError, ValueError, TypeError, AttributeError, IndexError, KeyError) as error:
        raise _unfit(method, f"{type(error).__name__}: {' '.join(str(error).split())[:150]}") from error


def require(encoder: nn.Module, argument: str, method: Method) -> None:
    """Raise ConfigError where an encoder does not take an argument."""
    if argument not in inspect.signature(encoder.forward).parameters:
        raise ConfigError(
            f"adaptation.method is {method!r}, but {type(encoder).__name__} does not accept {argument}; "
            "use another method, such as lora"
        )


def _unfit(method: Method, cause: str) -> ConfigError:
    return ConfigError(
        f"adaptation.method is {method!r}, but this backbone cannot be trained with vectors in front of a text "
        f"({cause}); use another method, such as lora"
    )


def two_tokens() -> dict[str, Tensor]:
    """A text to try an encoder with."""
    return {"input_ids": torch.ones(1, 2, dtype=torch.long), "attention_mask": torch.ones(1, 2, dtype=torch.long)}


def _types(types: Tensor | None, tokens: int) -> dict[str, Tensor]:
    """The segments of a text's tokens, after those of `tokens` vectors; empty where there is one segment."""
    return {} if types is None else {"token_type_ids": torch.cat((types.new_zeros(len(types), tokens), types), dim=1)}
