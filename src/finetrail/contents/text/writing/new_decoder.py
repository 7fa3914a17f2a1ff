"""A new decoder behind a pretrained encoder."""

from typing import Any

import torch
from torch import nn

from finetrail.contents.text.settings import WrittenBackbone
from finetrail.errors import ConfigError


def with_decoder(encoder: Any, tokenizer: Any, settings: WrittenBackbone) -> Any:
    """An encoder with a new decoder, whose layers are copies of its first ones, with new cross-attention."""
    from transformers import AutoConfig, AutoModelForCausalLM, EncoderDecoderModel

    layers = settings.decoder_layers or 0
    if layers > encoder.config.num_hidden_layers:
        raise ConfigError(
            f"backbone.decoder_layers is {layers}, but {settings.weights!r} has {encoder.config.num_hidden_layers} "
            "layers to copy; lower it"
        )
    described = encoder.config.to_dict() | {
        "is_decoder": True,
        "add_cross_attention": True,
        "num_hidden_layers": layers,
        "tie_word_embeddings": True,
    }
    try:
        decoder: Any = AutoModelForCausalLM.from_config(
            AutoConfig.for_model(**described), dtype=torch.float32, trust_remote_code=False
        )
    except ValueError as error:
        raise ConfigError(
            f"transformers has no decoder for {encoder.config.model_type!r}; name an encoder of BERT's or RoBERTa's "
            "kind, or an encoder-decoder"
        ) from error
    base = getattr(decoder, decoder.base_model_prefix)
    # Layers beyond the decoder's own are left over; its cross-attention has no counterpart and stays new.
    base.load_state_dict(encoder.state_dict(), strict=False)
    model: Any = EncoderDecoderModel(encoder=encoder, decoder=decoder)
    model.config.dtype = torch.float32
    start = tokenizer.cls_token_id if tokenizer.cls_token_id is not None else tokenizer.bos_token_id
    end = tokenizer.sep_token_id if tokenizer.sep_token_id is not None else tokenizer.eos_token_id
    for place in (model.config, model.generation_config):
        place.decoder_start_token_id, place.eos_token_id, place.pad_token_id = start, end, tokenizer.pad_token_id
    model.generation_config.bos_token_id = start
    share_words(model)
    return model


def share_words(model: Any) -> None:
    """Let encoder, decoder and output layer have the same word embeddings."""
    words: nn.Module = model.encoder.get_input_embeddings()
    model.decoder.set_input_embeddings(words)
    model.decoder.get_output_embeddings().weight = words.weight
