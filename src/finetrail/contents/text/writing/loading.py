"""What loading encoder-decoders and causal models has in common."""

from pathlib import Path
from typing import Any

import torch

from finetrail.contents.text.pretrained import save_config
from finetrail.contents.text.settings import WritingBackbone
from finetrail.contents.text.soft_prompts import describe_soft_prompt
from finetrail.contents.text.writing.writer import Writer
from finetrail.errors import ModelError


def rebuilt(folder: Path, auto: Any) -> Any:
    """A model, without weights, from the configuration that `save` wrote.

    Args:
        auto: the class of transformers that builds it.

    Raises:
        ModelError: the configuration is missing or damaged.
    """
    from transformers import AutoConfig, GenerationConfig

    try:
        config = AutoConfig.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
        model = auto.from_config(config, dtype=torch.float32, trust_remote_code=False)
        model.generation_config = GenerationConfig.from_pretrained(
            folder, local_files_only=True, trust_remote_code=False
        )
    except (OSError, ValueError, KeyError) as error:
        cause = " ".join(str(error).split())[:200]
        raise ModelError(
            f"{folder} is not a complete model ({cause}); `dvc checkout` restores a tracked model"
        ) from error
    return model


def save(network: Writer, processor: Any, settings: WritingBackbone, folder: Path) -> dict[str, Any]:
    """Write configuration, tokenizer, and how answers are written; returns the settings."""
    save_config(network.model.config, processor.tokenizer, folder)
    network.model.generation_config.save_pretrained(folder)
    described: dict[str, Any] = settings.model_dump()
    return described | describe_soft_prompt(getattr(network, "soft", None))


def refuse_incomplete(generation: Any, whose: str, *wanted: str) -> None:
    """Raise ModelError where weights do not say what is wanted to write answers. Of several ends the first is taken."""
    if isinstance(generation.eos_token_id, list):
        generation.eos_token_id = generation.eos_token_id[0]
    missing = next((name for name in wanted if getattr(generation, name) is None), None)
    if missing is not None:
        raise ModelError(f"{whose!r} names no {missing}; add it to generation_config.json beside the weights")


def refuse_long(config: Any, name: str, tokens: int) -> None:
    """Raise ModelError where a network has fewer positions than it may have to read. Args: name: of the setting."""
    longest = getattr(config, "max_position_embeddings", None)
    if longest and tokens > longest:
        raise ModelError(f"{name} is {tokens}, but this backbone has {longest} positions; lower backbone.{name}")


def keep_constants(model: Any) -> None:
    """Make buffers of parameters that transformers computes and never saves, such as Marian's sines: no training."""
    for name in model._keys_to_ignore_on_save or ():
        place, _, own = name.rpartition(".")
        module = model.get_submodule(place)
        constant = module._parameters.pop(own)
        module.register_buffer(own, constant.detach())
