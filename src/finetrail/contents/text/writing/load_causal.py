"""Causal language models from pretrained weights, and from saved models."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

from finetrail.contents.content import Loaded
from finetrail.contents.text.pretrained import read_config, read_network, read_tokenizer
from finetrail.contents.text.settings import ChatBackbone
from finetrail.contents.text.writing.causal import Causal
from finetrail.contents.text.writing.chat import ChatProcessor, ChatWriting
from finetrail.contents.text.writing.lines import reads_rows_apart
from finetrail.contents.text.writing.loading import rebuilt, refuse_incomplete, refuse_long
from finetrail.contents.text.writing.logits import are_known
from finetrail.contents.text.writing.template import PLAIN, Template
from finetrail.contents.text.writing.writer import writing_config
from finetrail.errors import ModelError
from finetrail.locations import locate_weights

_WHAT = "causal language model"


def load_pretrained(settings: ChatBackbone, root: Path) -> Loaded:
    """Fetch a pretrained causal model; see `finetrail.contents.content.Networks`.

    Raises:
        ModelError: there is none, or none with a tokenizer, or its logits are not those of its output layer.
        SourceError, IntegrityError: see `finetrail.locations.locate_weights`.
    """
    from transformers import AutoModelForCausalLM

    place = locate_weights(settings.weights, root)
    config = read_config(place, settings.weights, settings.dropout, _WHAT)
    if config.is_encoder_decoder:
        raise ModelError(
            f"{settings.weights!r} holds an encoder-decoder; name a causal model such as SmolLM2, Llama, Qwen or GPT-2"
        )
    tokenizer = read_tokenizer(place, settings.weights)
    model = read_network(place, settings.weights, config, AutoModelForCausalLM, what=_WHAT)
    if not are_known(model):
        raise ModelError(
            f"{settings.weights!r} does more to its logits than to scale or cap them, which this backbone cannot "
            "train; name another model"
        )
    if settings.chat_template is not None:
        tokenizer.chat_template = settings.chat_template
    elif tokenizer.chat_template is None:
        tokenizer.chat_template = PLAIN
    loaded = _loaded(model, tokenizer, settings)
    network = cast(Causal, loaded.network)
    network.shares = reads_rows_apart(network.encoder)
    return loaded


def load_saved(described: Mapping[str, Any], folder: Path) -> Loaded:
    """Rebuild a causal model, without weights, from what `finetrail.contents.text.writing.loading.save` wrote.

    Raises:
        ModelError: the configuration or the tokenizer is missing or damaged.
    """
    from transformers import AutoModelForCausalLM

    soft_prompt = described.get("soft_prompt")
    settings = ChatBackbone(**{key: value for key, value in described.items() if key != "soft_prompt"})
    loaded = _loaded(rebuilt(folder, AutoModelForCausalLM), read_tokenizer(folder, settings.weights), settings)
    if soft_prompt is not None:
        cast(Causal, loaded.network).add_soft_prompt(**soft_prompt)
    return loaded


def _loaded(model: Any, tokenizer: Any, settings: ChatBackbone) -> Loaded:
    read = settings.max_tokens + settings.max_answer_tokens
    refuse_long(model.config, "max_tokens", read)
    behind = Template(tokenizer).behind
    generation = model.generation_config
    generation.eos_token_id = _end(tokenizer, behind)
    refuse_incomplete(generation, settings.weights, "eos_token_id")
    if tokenizer.pad_token_id is None:  # what fills up a batch is never read
        tokenizer.pad_token = tokenizer.convert_ids_to_tokens(generation.eos_token_id)
    generation.pad_token_id = tokenizer.pad_token_id
    model.generation_config = writing_config(generation, settings)
    network = Causal(model, _spare(model.config, read))
    writing = ChatWriting(tokenizer, network.end, settings.max_answer_tokens, behind=behind)
    processor = ChatProcessor(tokenizer, settings.max_tokens, writing, settings.learn)
    return Loaded(network, processor, int(model.config.hidden_size))


def _spare(config: Any, read: int) -> int | None:
    """How many tokens may stand in front of all others and still be seen from everywhere; None for any number."""
    limits = [getattr(config, name, None) for name in ("max_position_embeddings", "sliding_window")]
    return min((max(0, limit - read) for limit in limits if limit), default=None)


def _end(tokenizer: Any, behind: str) -> int | None:
    """The token that ends an answer: the first one that a template writes behind it, or that of a text."""
    tokens = tokenizer(behind, add_special_tokens=False)["input_ids"]
    special = set(tokenizer.all_special_ids) | set(tokenizer.added_tokens_decoder)
    found: int | None = next((token for token in tokens if token in special), tokenizer.eos_token_id)
    return found
