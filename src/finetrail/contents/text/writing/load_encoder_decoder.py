"""Encoder-decoders from pretrained weights, and from saved models."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from finetrail.contents.content import Loaded
from finetrail.contents.text.pretrained import read_config, read_network, read_tokenizer
from finetrail.contents.text.settings import WrittenBackbone
from finetrail.contents.text.writing.encoder_decoder import EncoderDecoder
from finetrail.contents.text.writing.inputs import Writing, WrittenProcessor
from finetrail.contents.text.writing.loading import keep_constants, rebuilt, refuse_incomplete, refuse_long
from finetrail.contents.text.writing.new_decoder import share_words, with_decoder
from finetrail.contents.text.writing.writer import writing_config
from finetrail.errors import ConfigError
from finetrail.locations import locate_weights

_WHAT = "encoder-decoder"


def load_pretrained(settings: WrittenBackbone, root: Path, columns: Sequence[str]) -> Loaded:
    """Fetch a pretrained encoder-decoder, or an encoder for a new decoder; see `finetrail.contents.content.Networks`.

    Raises:
        ConfigError: `decoder_layers` does not suit the weights.
        ModelError: the folder holds no such network with safetensors weights and a tokenizer.
        SourceError, IntegrityError: see `finetrail.locations.locate_weights`.
    """
    from transformers import AutoModel, AutoModelForSeq2SeqLM

    folder = locate_weights(settings.weights, root)
    config = read_config(folder, settings.weights, settings.dropout, _WHAT)
    tokenizer = _tokenizer(folder, settings)
    if config.is_encoder_decoder:
        if settings.decoder_layers is not None:
            raise ConfigError(
                f"backbone.decoder_layers is {settings.decoder_layers}, but {settings.weights!r} has a decoder of its "
                "own; leave decoder_layers out"
            )
        model = read_network(folder, settings.weights, config, AutoModelForSeq2SeqLM, what=_WHAT)
        return _loaded(model, tokenizer, settings, columns)
    if settings.decoder_layers is None:
        raise ConfigError(
            f"{settings.weights!r} holds an encoder without a decoder; set backbone.decoder_layers, for example to 2, "
            "or name an encoder-decoder such as Marian, T5 or BART"
        )
    encoder = read_network(folder, settings.weights, config, AutoModel, unused=lambda name: name.startswith("pooler."))
    return _loaded(with_decoder(encoder, tokenizer, settings), tokenizer, settings, columns)


def load_saved(described: Mapping[str, Any], folder: Path, columns: Sequence[str]) -> Loaded:
    """Rebuild an encoder-decoder, without weights, from what `save` wrote.

    Raises:
        ModelError: the configuration or the tokenizer is missing or damaged.
    """
    from transformers import AutoModelForSeq2SeqLM

    settings = WrittenBackbone(**described)
    model = rebuilt(folder, AutoModelForSeq2SeqLM)
    if settings.decoder_layers is not None:
        share_words(model)
    return _loaded(model, _tokenizer(folder, settings), settings, columns)


def _tokenizer(folder: Path, settings: WrittenBackbone) -> Any:
    languages = {"src_lang": settings.source_language, "tgt_lang": settings.target_language}
    return read_tokenizer(
        folder, settings.weights, **{name: code for name, code in languages.items() if code is not None}
    )


def _loaded(model: Any, tokenizer: Any, settings: WrittenBackbone, columns: Sequence[str]) -> Loaded:
    # A pooler is trained for another task and would count as parameters that nothing uses.
    if getattr(model.get_encoder(), "pooler", None) is not None:
        model.get_encoder().pooler = None
    refuse_long(model.get_encoder().config, "max_tokens", settings.max_tokens)
    refuse_long(getattr(model, "decoder", model).config, "max_answer_tokens", settings.max_answer_tokens)
    keep_constants(model)
    generation = model.generation_config
    if settings.target_language is not None:
        generation.forced_bos_token_id = _language(tokenizer, settings.target_language)
    refuse_incomplete(generation, settings.weights, "decoder_start_token_id", "eos_token_id", "pad_token_id")
    model.generation_config = writing_config(generation, settings)
    network = EncoderDecoder(model)
    writing = Writing(tokenizer, network.end, settings.max_answer_tokens, network.start)
    processor = WrittenProcessor(
        tokenizer, settings.max_tokens, tuple(columns), settings.separator, writing, settings.prefix
    )
    return Loaded(network, processor, int(model.get_encoder().config.hidden_size))


def _language(tokenizer: Any, code: str) -> int:
    known = tokenizer.convert_tokens_to_ids(code)
    if known is None or known == tokenizer.unk_token_id:
        raise ConfigError(
            f"backbone.target_language is {code!r}, which the tokenizer does not know; name a code of its model card"
        )
    return int(known)
