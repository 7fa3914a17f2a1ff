"""Text backbones: any encoder of transformers with its tokenizer, pooled to one vector a text."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor, nn

from finetrail.contents.image.augment.settings import Augment
from finetrail.errors import ModelError
from finetrail.evaluation.report.previews import Preview
from finetrail.locations import locate
from finetrail.models.backbone_settings import TextBackbone
from finetrail.models.inputs import Values
from finetrail.models.network import Batch

EXCERPT = 1_000
"""Characters of a text that a person is given; more than the report shows, so that it can tell where it cuts."""


class PooledEncoder(nn.Module):
    """A transformers encoder whose token vectors are pooled to one feature vector (B, D).

    Args:
        encoder: any model that maps input_ids and attention_mask (B, T) to `last_hidden_state` (B, T, D).
        pooling: `mean` over the text's tokens (Reimers & Gurevych 2019), or `cls`, the first token.
        spare: how many tokens more than the longest text has the encoder can read; None for any number.
    """

    def __init__(self, encoder: nn.Module, pooling: Literal["mean", "cls"], spare: int | None = None) -> None:
        super().__init__()
        self.encoder = encoder
        self.pooling = pooling
        self.spare = spare

    def forward(self, batch: Batch) -> Tensor:
        """Features (B, D) of a batch with input_ids and attention_mask (B, T)."""
        tokens: Tensor = self.encoder(**batch).last_hidden_state  # (B, T, D)
        if self.pooling == "cls":
            return tokens[:, 0]
        mask = batch["attention_mask"].unsqueeze(-1).to(tokens.dtype)  # (B, T, 1)
        return (tokens * mask).sum(1) / mask.sum(1).clamp(min=1)


@dataclass(frozen=True)
class TextInputs:
    """Tokenised texts, padded only when a batch is asked for.

    Attributes:
        tokens: the token ids of each text, of different lengths.
        padding: the id that fills up a batch.
    """

    tokens: Sequence[Sequence[int]]
    padding: int

    def __len__(self) -> int:
        return len(self.tokens)

    @property
    def lengths(self) -> list[int]:
        """Tokens in each text: what a batch is grouped by."""
        return [len(tokens) for tokens in self.tokens]

    @property
    def varies(self) -> bool:
        """Texts are not augmented."""
        return False

    def batch(self, indices: Sequence[int], seed: int | None = None) -> Batch:
        """input_ids and attention_mask (B, T) of the texts at `indices`, T the longest of them."""
        width = max(len(self.tokens[index]) for index in indices)
        ids = torch.full((len(indices), width), self.padding, dtype=torch.long)
        mask = torch.zeros((len(indices), width), dtype=torch.long)
        for row, index in enumerate(indices):
            length = len(self.tokens[index])
            ids[row, :length] = torch.tensor(self.tokens[index])
            mask[row, :length] = 1
        return {"input_ids": ids, "attention_mask": mask}


@dataclass(frozen=True)
class TextProcessor:
    """Turns texts into `TextInputs` with the backbone's own tokenizer."""

    tokenizer: Any
    max_tokens: int

    def encode(self, values: Values, *, augment: Augment | None = None, scratch: Path | None = None) -> TextInputs:
        """Tokenise; a text longer than `max_tokens` is cut. Texts are not augmented, and need no scratch."""
        if not len(values):
            return TextInputs([], 0)
        ids = self.tokenizer(list(values), truncation=True, max_length=self.max_tokens)["input_ids"]
        padding = self.tokenizer.pad_token_id
        return TextInputs(ids, 0 if padding is None else padding)

    def show(self, batch: Batch) -> list[Preview]:
        """The texts of a batch, put together again from what is left of them after the cut."""
        return [
            Preview(text=text) for text in self.tokenizer.batch_decode(batch["input_ids"], skip_special_tokens=True)
        ]

    def preview(self, value: str) -> Preview:
        """The start of a text."""
        return Preview(text=value[:EXCERPT])


def load_pretrained(backbone: TextBackbone, root: Path) -> tuple[PooledEncoder, TextProcessor, int]:
    """Fetch a pretrained encoder: returns it with its tokenizer and the width D of its features.

    Raises:
        ModelError: the folder holds no encoder with safetensors weights and a tokenizer.
        SourceError, IntegrityError: see `finetrail.locations.locate`.
    """
    from safetensors import SafetensorError
    from transformers import AutoConfig, AutoModel

    folder = locate(backbone.weights, root)
    try:
        config = AutoConfig.from_pretrained(folder, local_files_only=True)
        _set_dropout(config, backbone.dropout)
        encoder, report = AutoModel.from_pretrained(
            folder,
            config=config,
            local_files_only=True,
            use_safetensors=True,
            dtype=torch.float32,
            output_loading_info=True,
        )
    except (OSError, ValueError, KeyError, RuntimeError, SafetensorError) as error:
        cause = " ".join(str(error).split())[:200]
        raise ModelError(
            f"{backbone.weights!r} holds no encoder with safetensors weights ({cause}); name another folder"
        ) from error
    # What a file lacks would be random, without an error; only the pooler is not used.
    missing = sorted(name for name in report["missing_keys"] if not name.startswith("pooler."))
    if missing:
        raise ModelError(
            f"{backbone.weights!r} lacks {len(missing)} tensors of its own configuration, such as {missing[0]}; "
            "name a folder whose weights are whole"
        )
    return _pooled(encoder, config, backbone, folder)


def load_saved(backbone: TextBackbone, folder: Path) -> tuple[PooledEncoder, TextProcessor, int]:
    """Rebuild an encoder, without weights, from the configuration and tokenizer that `save_backbone` wrote.

    Raises:
        ModelError: the configuration or the tokenizer is missing or damaged.
    """
    from transformers import AutoConfig, AutoModel

    try:
        config = AutoConfig.from_pretrained(folder, local_files_only=True)
        encoder = AutoModel.from_config(config, dtype=torch.float32)
    except (OSError, ValueError, KeyError) as error:
        cause = " ".join(str(error).split())[:200]
        raise ModelError(f"{folder} is no whole model ({cause}); `dvc checkout` restores a tracked model") from error
    return _pooled(encoder, config, backbone, folder)


def save_backbone(encoder: PooledEncoder, processor: TextProcessor, folder: Path) -> None:
    """Write configuration and tokenizer, without the path that they were loaded from: equal models are equal bytes."""
    config: Any = encoder.encoder.config
    config._name_or_path = ""
    config.save_pretrained(folder)
    processor.tokenizer.name_or_path = ""
    processor.tokenizer.init_kwargs.pop("name_or_path", None)
    processor.tokenizer.save_pretrained(folder)


def _pooled(
    encoder: Any, config: Any, backbone: TextBackbone, folder: Path
) -> tuple[PooledEncoder, TextProcessor, int]:
    from transformers import AutoTokenizer

    # The pooler is trained for another task and would count as parameters that nothing uses.
    if getattr(encoder, "pooler", None) is not None:
        encoder.pooler = None
    try:
        tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
    except Exception as error:  # the tokenizers library raises nothing more special
        cause = " ".join(str(error).split())[:200]
        raise ModelError(
            f"{backbone.weights!r} holds no tokenizer that can be read ({type(error).__name__}: {cause}); "
            "name another folder"
        ) from error
    # Where its files are missing, transformers makes up a tokenizer that knows no word.
    if not any((folder / name).exists() for name in tokenizer.vocab_files_names.values()):
        raise ModelError(f"{backbone.weights!r} holds no tokenizer (such as tokenizer.json); name another folder")
    longest = _positions(encoder, config)
    if longest and backbone.max_tokens > longest:
        raise ModelError(
            f"max_tokens is {backbone.max_tokens}, but this backbone reads at most {longest}; lower backbone.max_tokens"
        )
    return (
        PooledEncoder(encoder, backbone.pooling, longest - backbone.max_tokens if longest else None),
        TextProcessor(tokenizer, backbone.max_tokens),
        int(config.hidden_size),
    )


def _positions(encoder: nn.Module, config: Any) -> int | None:
    """How many tokens the encoder tells apart by their place; RoBERTa and its kin count from behind the padding id."""
    longest: int | None = getattr(config, "max_position_embeddings", None)
    tables = [module for name, module in encoder.named_modules() if name.endswith("position_embeddings")]
    paddings = [table.padding_idx for table in tables if isinstance(table, nn.Embedding)]
    return longest - max((number + 1 for number in paddings if number is not None), default=0) if longest else None


def _set_dropout(config: Any, dropout: float) -> None:
    for name in ("hidden_dropout_prob", "attention_probs_dropout_prob", "dropout", "attention_dropout"):
        if hasattr(config, name):
            setattr(config, name, dropout)
