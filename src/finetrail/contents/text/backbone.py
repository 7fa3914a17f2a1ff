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
from finetrail.contents.text.encoder import PooledEncoder, TextEncoder, WordEncoder, is_causal
from finetrail.contents.text.processor import TextProcessor
from finetrail.contents.text.settings import TextBackbone
from finetrail.contents.text.soft_prompts import add_soft_prompt, describe_soft_prompt
from finetrail.contents.text.word_pieces import WordProcessor
from finetrail.errors import ModelError
from finetrail.locations import locate_weights
from finetrail.models.network import Batch, Network
from finetrail.models.weights import refuse_quantised, refuse_unusable

# What configurations call it: those of BERT and its kin, then those of GPT-2 and its kin.
_DROPOUTS = (
    *("hidden_dropout_prob", "attention_probs_dropout_prob", "dropout", "attention_dropout"),
    *("embd_pdrop", "resid_pdrop", "attn_pdrop", "hidden_dropout", "embed_dropout", "resid_dropout"),
)
WORDS = "words"
"""The features for tasks that label the words of a text; any other task has one vector per row."""


def load_pretrained(settings: TextBackbone, root: Path, features: str, columns: Sequence[str]) -> Loaded:
    """Fetch a pretrained encoder or decoder; see `finetrail.contents.content.Networks`.

    Raises:
        ModelError: the folder holds no encoder with safetensors weights and a tokenizer, or one that does not fit the
            features.
        SourceError, IntegrityError: see `finetrail.locations.locate_weights`.
    """
    from safetensors import SafetensorError
    from transformers import AutoConfig, AutoModel

    folder = locate_weights(settings.weights, root)
    refuse_quantised(folder, settings.weights)
    try:
        config = AutoConfig.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
        _set_dropout(config, settings.dropout)
        encoder, report = AutoModel.from_pretrained(
            folder,
            config=config,
            local_files_only=True,
            use_safetensors=True,
            dtype=torch.float32,
            output_loading_info=True,
            trust_remote_code=False,
        )
    except (OSError, ValueError, KeyError, RuntimeError, SafetensorError) as error:
        cause = " ".join(str(error).split())[:200]
        raise ModelError(
            f"{settings.weights!r} holds no encoder with safetensors weights ({cause}); name another folder"
        ) from error
    # Weights that the file lacks would be random, without an error; only the pooler does not matter: it is not used.
    missing = sorted(name for name in report["missing_keys"] if not name.startswith("pooler."))
    if missing:
        raise ModelError(
            f"{settings.weights!r} lacks {len(missing)} tensors that its own configuration needs, such as "
            f"{missing[0]}; name a folder with complete weights"
        )
    refuse_unusable(encoder.state_dict(), settings.weights)
    causal = _is_causal(encoder, settings.weights)
    if causal and features == WORDS:
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


def save(network: nn.Module, processor: Any, settings: TextBackbone, folder: Path) -> dict[str, Any]:
    """Write configuration and tokenizer, without the path that they were loaded from: equal models are equal bytes."""
    encoder: Any = network
    config: Any = encoder.encoder.config
    config._name_or_path = ""
    config.save_pretrained(folder)
    processor.tokenizer.name_or_path = ""
    processor.tokenizer.init_kwargs.pop("name_or_path", None)
    processor.tokenizer.save_pretrained(folder)
    pooled = {"pooling": encoder.pooling} if isinstance(encoder, PooledEncoder) else {}
    return settings.model_dump() | pooled | describe_soft_prompt(encoder)


def export(network: Network, processor: Any, folder: Path, outputs: Outputs) -> Exported:
    """Write the model for transformers or sentence-transformers; see `finetrail.contents.content.Networks`."""
    if isinstance(processor, WordProcessor):
        from finetrail.contents.text.export_words import export_words

        return export_words(network, processor, folder, outputs)
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
    from finetrail.contents.text.export import graph_of_texts

    return graph_of_texts(network, processor, folder, outputs)


def _loaded(encoder: Any, settings: TextBackbone, folder: Path, *, features: str, columns: Sequence[str]) -> Loaded:
    from transformers import AutoTokenizer

    # The pooler is trained for another task and would count as parameters that nothing uses.
    if getattr(encoder, "pooler", None) is not None:
        encoder.pooler = None
    try:
        tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
    except Exception as error:  # the tokenizers library raises no narrower type
        cause = " ".join(str(error).split())[:200]
        raise ModelError(
            f"{settings.weights!r} holds no tokenizer that can be read ({type(error).__name__}: {cause}); "
            "name another folder"
        ) from error
    # If its files are missing, transformers makes up a tokenizer that knows no words.
    if not any((folder / name).exists() for name in tokenizer.vocab_files_names.values()):
        raise ModelError(f"{settings.weights!r} holds no tokenizer (such as tokenizer.json); name another folder")
    config = encoder.config
    longest = _positions(encoder, config)
    if longest and settings.max_tokens > longest:
        raise ModelError(
            f"max_tokens is {settings.max_tokens}, but this backbone reads at most {longest}; lower backbone.max_tokens"
        )
    spare = longest - settings.max_tokens if longest else None
    given = (tokenizer, settings.max_tokens, tuple(columns), settings.separator)
    if features == WORDS:
        return Loaded(WordEncoder(encoder, spare), WordProcessor(*given), int(config.hidden_size))
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


def _set_dropout(config: Any, dropout: float) -> None:
    for name in _DROPOUTS:
        if hasattr(config, name):
            setattr(config, name, dropout)
