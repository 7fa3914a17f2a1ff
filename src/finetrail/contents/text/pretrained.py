"""What transformers loads from a folder of weights, refused in one line where it is not what it should be."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from finetrail.errors import ModelError
from finetrail.models.weights import refuse_quantised, refuse_unusable

GGUF = ".gguf"
"""The ending of a file with weights, configuration and tokenizer in one; weights of few bits become floats."""
# What configurations call it: those of BERT and its kin, then T5's, then those of GPT-2 and its kin.
_DROPOUTS = (
    *("hidden_dropout_prob", "attention_probs_dropout_prob", "dropout", "attention_dropout", "dropout_rate"),
    *("embd_pdrop", "resid_pdrop", "attn_pdrop", "hidden_dropout", "embed_dropout", "resid_dropout"),
)


def read_config(folder: Path, whose: str, dropout: float, what: str = "encoder") -> Any:
    """The configuration of pretrained weights.

    Args:
        whose: their address, for messages.
        dropout: inside the network while it trains.
        what: it should be, for the message.

    Raises:
        ModelError: there is none, or the weights are quantised.
    """
    from transformers import AutoConfig

    refuse_quantised(folder, whose)
    try:
        config = AutoConfig.from_pretrained(**_place(folder), local_files_only=True, trust_remote_code=False)
    except (OSError, ValueError, KeyError) as error:
        raise _none(folder, whose, what, error) from error
    for name in _DROPOUTS:
        if hasattr(config, name):
            setattr(config, name, dropout)
    return config


def read_network(
    folder: Path,
    whose: str,
    config: Any,
    auto: Any,
    *,
    what: str = "encoder",
    unused: Callable[[str], bool] = lambda name: False,
) -> Any:
    """A pretrained network with all its weights.

    Args:
        auto: the class of transformers that loads it.
        unused: whether a missing tensor does not matter.

    Raises:
        ModelError: the folder holds none with safetensors weights, or lacks tensors, or has unusable ones.
    """
    from safetensors import SafetensorError

    try:
        network, report = auto.from_pretrained(
            **_place(folder),
            config=config,
            local_files_only=True,
            use_safetensors=True,
            dtype=torch.float32,
            output_loading_info=True,
            trust_remote_code=False,
        )
    except (OSError, ValueError, KeyError, RuntimeError, SafetensorError) as error:
        raise _none(folder, whose, what, error) from error
    # Weights that the file lacks would be random, without an error.
    missing = sorted(name for name in report["missing_keys"] if not unused(name))
    if missing:
        raise ModelError(
            f"{whose!r} lacks {len(missing)} tensors that its own configuration needs, such as "
            f"{missing[0]}; name a folder with complete weights"
        )
    refuse_unusable(network.state_dict(), whose)
    return network


def read_tokenizer(folder: Path, whose: str, **asked: Any) -> Any:
    """The tokenizer beside pretrained weights.

    Args:
        asked: what else the tokenizer is told, such as its languages.

    Raises:
        ModelError: there is none that can be read.
    """
    from transformers import AutoTokenizer

    try:
        tokenizer = AutoTokenizer.from_pretrained(
            **_place(folder), local_files_only=True, trust_remote_code=False, **asked
        )
    except Exception as error:  # the tokenizers library raises no narrower type
        cause = " ".join(str(error).split())[:200]
        raise ModelError(
            f"{whose!r} holds no tokenizer that can be read ({type(error).__name__}: {cause}); name another folder"
        ) from error
    # If its files are missing, transformers makes up a tokenizer that knows no words.
    if folder.suffix != GGUF and not any((folder / name).exists() for name in tokenizer.vocab_files_names.values()):
        raise ModelError(f"{whose!r} holds no tokenizer (such as tokenizer.json); name another folder")
    return tokenizer


def save_config(config: Any, tokenizer: Any, folder: Path) -> None:
    """Write configuration and tokenizer, without the path that they were loaded from: equal models are equal bytes."""
    for part in (config, *(getattr(config, name) for name in config.sub_configs)):
        part._name_or_path = ""
    config.save_pretrained(folder)
    tokenizer.name_or_path = ""
    tokenizer.init_kwargs.pop("name_or_path", None)
    tokenizer.save_pretrained(folder)


def _place(folder: Path) -> dict[str, Any]:
    """How transformers is told of a folder, or of a single file."""
    if folder.suffix != GGUF:
        return {"pretrained_model_name_or_path": folder}
    return {"pretrained_model_name_or_path": folder.parent, "gguf_file": folder.name}


def _none(folder: Path, whose: str, what: str, error: Exception) -> ModelError:
    cause = " ".join(str(error).split())[:200]
    if folder.suffix == GGUF:
        return ModelError(f"{whose!r} holds no {what} that can be read ({cause}); name another file, or a folder")
    return ModelError(f"{whose!r} holds no {what} with safetensors weights ({cause}); name another folder")
