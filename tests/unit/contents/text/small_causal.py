"""Causal models of many kinds, small and random, without a tokenizer."""

from typing import Any

import torch
from torch import Tensor

from finetrail.contents.text.writing.causal import Causal
from finetrail.contents.text.writing.lines import reads_rows_apart
from finetrail.contents.text.writing.writer import NO_TOKEN
from finetrail.models.network import Batch

END = 1
_GPT2 = {"n_embd": 16, "n_layer": 2, "n_head": 2, "n_positions": 64, "n_inner": 32}
_LLAMA = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2}
_LLAMA |= {"intermediate_size": 32, "max_position_embeddings": 64}
_FALCON = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 4}
KINDS: dict[str, dict[str, Any]] = {
    "gpt2": _GPT2,
    "llama": _LLAMA,
    "mistral": _LLAMA | {"sliding_window": 4, "head_dim": 4},
    "gemma2": _LLAMA | {"head_dim": 4, "sliding_window": 4, "final_logit_softcapping": 2.0},
    "gemma2-wide": _LLAMA | {"head_dim": 4, "sliding_window": 64, "final_logit_softcapping": 2.0},
    "granite": _LLAMA | {"logits_scaling": 3.0},
    "cohere": _LLAMA | {"logit_scale": 0.25},
    "hyperclovax": _LLAMA | {"logits_scaling": 3.0},
    "falcon": _FALCON,  # one head of keys for all
    "falcon-alibi": _FALCON | {"alibi": True},
    "falcon-new": _FALCON | {"new_decoder_architecture": True, "num_kv_heads": 2},
    "bloom": {"hidden_size": 16, "n_layer": 2, "n_head": 2},
    "lfm2": _LLAMA | {"layer_types": ["full_attention", "conv"]},
    "mamba": {"hidden_size": 16, "num_hidden_layers": 2, "state_size": 4},
}


def small_model(kind: str) -> Any:
    """Of transformers: two layers of 16 dimensions and 50 words."""
    from transformers import AutoConfig, AutoModelForCausalLM, GenerationConfig

    config = AutoConfig.for_model(
        kind.split("-", maxsplit=1)[0], vocab_size=50, bos_token_id=END, eos_token_id=END, pad_token_id=0, **KINDS[kind]
    )
    with torch.random.fork_rng():
        torch.manual_seed(1)
        model = AutoModelForCausalLM.from_config(config, trust_remote_code=False).eval()
        for parameter in model.parameters():
            if parameter.ndim > 1:
                parameter.data.normal_(0, 0.3)
    model.generation_config = GenerationConfig(
        max_new_tokens=6, do_sample=False, eos_token_id=END, pad_token_id=0, num_return_sequences=1
    )
    return model


def small_causal(kind: str) -> Causal:
    """The same as a backbone."""
    network = Causal(small_model(kind))
    network.shares = reads_rows_apart(network.encoder)
    return network


def batch_of(*rows: tuple[int, int], seed: int = 0) -> Batch:
    """Random prompts and references. Args: rows: how many tokens each has."""
    random = torch.Generator().manual_seed(seed)
    ids, mask, references = (torch.zeros(len(rows), max(of), dtype=torch.long) for of in _sizes(rows))
    references += NO_TOKEN
    for row, (prompt, answer) in enumerate(rows):
        ids[row, :prompt] = torch.randint(2, 50, (prompt,), generator=random)
        mask[row, :prompt] = 1
        references[row, :answer] = torch.randint(2, 50, (answer,), generator=random)
    return {"input_ids": ids, "attention_mask": mask, "references": references}


def rows_of(batch: Batch) -> list[tuple[Tensor, Tensor]]:
    """The prompt and the reference of each row, without what fills them up."""
    return [
        (ids[mask.bool()], reference[reference != NO_TOKEN])
        for ids, mask, reference in zip(*(batch[name] for name in batch), strict=True)
    ]


def _sizes(rows: tuple[tuple[int, int], ...]) -> list[list[int]]:
    prompts, answers = ([row[place] for row in rows] for place in (0, 1))
    return [prompts, prompts, answers]
