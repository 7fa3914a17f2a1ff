"""Text backbones: any encoder or decoder of transformers with its tokenizer."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import torch
from torch import nn

from finetrail.contents.attack import Attacked
from finetrail.contents.content import Loaded
from finetrail.contents.explainable import Explainable
from finetrail.contents.exported import Exported, Graph, Outputs
from finetrail.contents.text.context_pieces import PieceProcessor
from finetrail.contents.text.depth import keep_layers
from finetrail.contents.text.encoder import PlaceEncoder, PooledEncoder, TextEncoder, is_causal
from finetrail.contents.text.pretrained import read_config, read_network, read_tokenizer, save_config
from finetrail.contents.text.processor import TextProcessor
from finetrail.contents.text.settings import CHAT, WRITTEN, TextBackbone
from finetrail.contents.text.soft_prompts import add_soft_prompt, describe_soft_prompt
from finetrail.contents.text.word_pieces import WordProcessor
from finetrail.contents.text.writing import load_causal, load_encoder_decoder, loading
from finetrail.contents.text.writing.writer import Writer
from finetrail.errors import ModelError
from finetrail.locations import locate_weights
from finetrail.models.network import Batch, Network

PLACED: Mapping[str, type[TextProcessor]] = {"words": WordProcessor, "pieces": PieceProcessor}
"""Features at places of a text, for tasks about parts of it; any other task has one vector per row."""


def load_pretrained(settings: Any, root: Path, features: str, columns: Sequence[str]) -> Loaded:
    """Fetch a pretrained encoder or decoder; see `finetrail.contents.content.Networks`.

    Raises:
        ModelError: the folder holds no encoder with safetensors weights and a tokenizer, or one that does not fit the
            features.
        SourceError, IntegrityError: see `finetrail.locations.locate_weights`.
    """
    from transformers import AutoModel

    if features == WRITTEN:
        return load_encoder_decoder.load_pretrained(settings, root, columns)
    if features == CHAT:
        return load_causal.load_pretrained(settings, root)
    folder = locate_weights(settings.weights, root)
    config = read_config(folder, settings.weights, settings.dropout)
    # The pooler is not used.
    encoder = read_network(folder, settings.weights, config, AutoModel, unused=lambda name: name.startswith("pooler."))
    keep_layers(encoder, settings.layers, settings.weights)
    causal = _is_causal(encoder, settings.weights)
    if causal and features in PLACED:
        raise ModelError(
            f"{settings.weights!r} reads from left to right, so a word's vector knows nothing of the words after it; "
            "name an encoder, such as a BERT"
        )
    if causal:  # no text is continued, and a block that runs twice would fill its cache twice
        encoder.config.use_cache = False
    pooling = settings.pooling or ("last" if causal else "mean")
    fitting = settings.model_copy(update={"pooling": pooling})
    return _loaded(encoder, fitting, folder, features=features, columns=columns)


def load_saved(described: Mapping[str, Any], folder: Path, features: str, columns: Sequence[str]) -> Loaded:
    """Rebuild an encoder, without weights, from the configuration and tokenizer that `save` wrote.

    Raises:
        ModelError: the configuration or the tokenizer is missing or damaged.
    """
    from transformers import AutoConfig, AutoModel

    if features == WRITTEN:
        return load_encoder_decoder.load_saved(described, folder, columns)
    if features == CHAT:
        return load_causal.load_saved(described, folder)
    try:
        config = AutoConfig.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
        encoder = AutoModel.from_config(config, dtype=torch.float32, trust_remote_code=False)
    except (OSError, ValueError, KeyError) as error:
        cause = " ".join(str(error).split())[:200]
        raise ModelError(
            f"{folder} is not a complete model ({cause}); `dvc checkout` restores a tracked model"
        ) from error
    soft_prompt = described.get("soft_prompt")
    settings = TextBackbone(**{key: value for key, value in described.items() if key != "soft_prompt"})
    loaded = _loaded(encoder, settings, folder, features=features, columns=columns)
    if soft_prompt is not None:
        add_soft_prompt(cast(TextEncoder, loaded.network), **soft_prompt)
    return loaded


def save(network: nn.Module, processor: Any, settings: Any, folder: Path) -> dict[str, Any]:
    """Write configuration and tokenizer, without the path that they were loaded from: equal models are equal bytes."""
    if isinstance(network, Writer):
        return loading.save(network, processor, settings, folder)
    encoder: Any = network
    save_config(encoder.encoder.config, processor.tokenizer, folder)
    described: dict[str, Any] = settings.model_dump()
    pooled = {"pooling": encoder.pooling} if isinstance(encoder, PooledEncoder) else {}
    return described | pooled | describe_soft_prompt(encoder.encoder)


def export(network: Network, processor: Any, folder: Path, outputs: Outputs) -> Exported:
    """Write the model for transformers or sentence-transformers; see `finetrail.contents.content.Networks`."""
    if isinstance(processor, WordProcessor):
        from finetrail.contents.text.export_words import export_words

        return export_words(network, processor, folder, outputs)
    if isinstance(processor, PieceProcessor):
        from finetrail.contents.text.export_pieces import export_pieces

        return export_pieces(network, processor, folder, outputs)
    if isinstance(network.backbone, Writer):
        from finetrail.contents.text.writing.export import export_written

        return export_written(network, processor, folder)
    from finetrail.contents.text.export import export_texts

    return export_texts(network, processor, folder, outputs)


def explainable(network: Network, processor: Any, content: Any) -> list[Explainable]:
    """A row, ready for gradients at its embeddings; see `finetrail.contents.content.Networks`."""
    from finetrail.contents.text.explaining import explainable_texts

    return explainable_texts(network, processor, content)


def attack(
    name: str, attacked: Attacked, batch: Batch, epsilons: Sequence[int], seeds: Sequence[int]
) -> Iterator[Batch]:
    """Change a batch so that the loss rises; see `finetrail.contents.content.Networks`."""
    from finetrail.contents.text.attacks import attack

    return attack(name, attacked, batch, epsilons, seeds)


def graph(network: Network, processor: Any, folder: Path, outputs: Outputs) -> Graph:
    """The model as a function of token ids; see `finetrail.contents.content.Networks`."""
    if isinstance(processor, WordProcessor):
        from finetrail.contents.text.export_words import graph_of_words

        return graph_of_words(network, processor, folder, outputs)
    if isinstance(processor, PieceProcessor):
        from finetrail.contents.text.export_pieces import graph_of_pieces

        return graph_of_pieces(network, processor, folder, outputs)
    if isinstance(network.backbone, Writer):
        raise ModelError(
            "ONNX holds one forward pass, but this model writes its answers token by token; use --format hf"
        )
    from finetrail.contents.text.export import graph_of_texts

    return graph_of_texts(network, processor, folder, outputs)


def _loaded(encoder: Any, settings: TextBackbone, folder: Path, *, features: str, columns: Sequence[str]) -> Loaded:
    # The pooler is trained for another task and would count as parameters that nothing uses.
    if getattr(encoder, "pooler", None) is not None:
        encoder.pooler = None
    tokenizer = read_tokenizer(folder, settings.weights)
    config = encoder.config
    longest = _positions(encoder, config)
    if longest and settings.max_tokens > longest:
        raise ModelError(
            f"max_tokens is {settings.max_tokens}, but this backbone reads at most {longest}; lower backbone.max_tokens"
        )
    spare = longest - settings.max_tokens if longest else None
    given = (tokenizer, settings.max_tokens, tuple(columns), settings.separator)
    if features in PLACED:
        return Loaded(PlaceEncoder(encoder, spare), PLACED[features](*given), int(config.hidden_size))
    pooled = PooledEncoder(encoder, settings.pooling or "mean", spare)
    return Loaded(pooled, TextProcessor(*given), int(config.hidden_size))


def _is_causal(encoder: nn.Module, whose: str) -> bool:
    try:
        return is_causal(encoder)
    except (ValueError, TypeError, AttributeError) as error:
        cause = " ".join(str(error).split())[:200]
        raise ModelError(
            f"{whose!r} does not turn a text into vectors ({cause}); name an encoder or a decoder"
        ) from error


def _positions(encoder: nn.Module, config: Any) -> int | None:
    """How many token positions the encoder has; RoBERTa and its kin start counting after the padding id."""
    longest: int | None = getattr(config, "max_position_embeddings", None)
    tables = [module for name, module in encoder.named_modules() if name.endswith("position_embeddings")]
    paddings = [table.padding_idx for table in tables if isinstance(table, nn.Embedding)]
    return longest - max((number + 1 for number in paddings if number is not None), default=0) if longest else None
