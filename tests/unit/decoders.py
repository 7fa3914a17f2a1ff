"""Decoders small enough to train in a test, of kinds that differ in what adaptation touches.

GPT-2 has position embeddings and linear layers stored transposed; in Llama heads share keys and nothing has a bias; in
Qwen2 queries, keys and values have one; in Qwen3 heads are wider than their part of the model.
"""

from pathlib import Path
from typing import Any

import torch

KINDS = ("gpt2", "llama", "qwen2", "qwen3")
WORDS = "good fine great superb happy bad poor awful weak sad table chair window door house river stone cloud".split()
END = "<|endoftext|>"
VOCABULARY = 300


def small_decoder(kind: str, folder: Path) -> Path:
    """Two layers of 16 dimensions, 64 positions, and a byte-level tokenizer that adds no token and has no padding."""
    from transformers import AutoConfig, AutoModel

    tokenizer = _tokenizer()
    end = tokenizer.eos_token_id
    sizes: dict[str, Any] = {"n_embd": 16, "n_layer": 2, "n_head": 2, "n_positions": 64, "n_inner": 32}
    if kind != "gpt2":
        sizes = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2}
        sizes |= {"intermediate_size": 32, "max_position_embeddings": 64}
        sizes |= {"head_dim": 8} if kind == "qwen3" else {}
    config = AutoConfig.for_model(
        kind, vocab_size=VOCABULARY, bos_token_id=end, eos_token_id=end, initializer_range=0.2, **sizes
    )
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = AutoModel.from_config(config)
        for name, parameter in model.named_parameters():  # biases are zero at first, and would hide what is lost
            if name.endswith("bias"):
                parameter.data.normal_(std=0.2)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def _tokenizer() -> Any:
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY, special_tokens=[END], initial_alphabet=alphabet, show_progress=False
    )
    tokenizer.train_from_iterator([" ".join(WORDS)] * 2, trainer)
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, bos_token=END, eos_token=END)
