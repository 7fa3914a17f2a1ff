"""Weights in a single .gguf file: read as what they are, and refused in one line where they are something else."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from transformers import AutoModelForCausalLM, LlamaConfig

from finetrail.contents.text.backbone import load_pretrained
from finetrail.contents.text.settings import ChatBackbone
from finetrail.errors import ModelError

HEADS, KEYS = 4, 2
WORDS = ["<unk>", "<s>", "</s>", *(f"<0x{byte:02X}>" for byte in range(256)), "▁good", "▁bad", "▁house", "▁"]
# As llama.cpp names what transformers calls otherwise.
_LAYER = {
    "self_attn.q_proj": "attn_q",
    "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output",
    "mlp.gate_proj": "ffn_gate",
    "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down",
    "input_layernorm": "attn_norm",
    "post_attention_layernorm": "ffn_norm",
}
_OTHERS = {"model.embed_tokens": "token_embd", "model.norm": "output_norm", "lm_head": "output"}


@pytest.fixture(scope="module")
def llama() -> Any:
    """Of two layers, with random weights."""
    config = LlamaConfig(
        vocab_size=len(WORDS),
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=HEADS,
        num_key_value_heads=KEYS,
        max_position_embeddings=128,
        tie_word_embeddings=False,
    )
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return AutoModelForCausalLM.from_config(config, trust_remote_code=False).eval()


def write(model: Any, file: Path, kind: str = "llama") -> Path:
    """The model and a SentencePiece vocabulary, as llama.cpp stores them."""
    import gguf

    writer, config = gguf.GGUFWriter(str(file), kind), model.config
    writer.add_context_length(config.max_position_embeddings)
    writer.add_embedding_length(config.hidden_size)
    writer.add_block_count(config.num_hidden_layers)
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(KEYS)
    writer.add_layer_norm_rms_eps(config.rms_norm_eps)
    writer.add_rope_dimension_count(config.hidden_size // HEADS)
    writer.add_vocab_size(len(WORDS))
    writer.add_tokenizer_model("llama")
    writer.add_token_list(WORDS)
    writer.add_token_scores([-float(place) for place in range(len(WORDS))])
    writer.add_token_types([2, 3, 3, *[6] * 256, 1, 1, 1, 1])
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    writer.add_unk_token_id(0)
    for name, tensor in model.state_dict().items():
        writer.add_tensor(_named(name), _turned(name, tensor).numpy())
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return file


def _named(name: str) -> str:
    place, _, kind = name.rpartition(".")
    if place in _OTHERS:
        return f"{_OTHERS[place]}.{kind}"
    _, _, layer, own = place.split(".", 3)
    return f"blk.{layer}.{_LAYER[own]}.{kind}"


def _turned(name: str, tensor: torch.Tensor) -> torch.Tensor:
    """llama.cpp rotates neighbouring channels of queries and keys, transformers the halves of a head."""
    heads = HEADS if "q_proj" in name else KEYS if "k_proj" in name else 0
    if not heads:
        return tensor
    return tensor.view(heads, 2, -1, tensor.shape[1]).transpose(1, 2).reshape(tensor.shape).contiguous()


def load(file: Path) -> Any:
    settings = ChatBackbone(weights=str(file), max_tokens=64, max_answer_tokens=8, dropout=0.0)
    return load_pretrained(settings, Path(), "chat", ("messages",))


def test_its_logits_are_those_of_the_same_weights_in_safetensors(llama: Any, tmp_path: Path) -> None:
    loaded = load(write(llama, tmp_path / "tiny.gguf"))
    llama.save_pretrained(tmp_path / "safe")
    theirs = AutoModelForCausalLM.from_pretrained(tmp_path / "safe", trust_remote_code=False).eval()
    ids = loaded.processor.encode([[{"role": "user", "content": "good house, bad house"}]]).batch([0])["input_ids"]
    with torch.no_grad():
        own, expected = loaded.network.model.eval()(ids).logits, theirs(ids).logits
    np.testing.assert_allclose(own, expected, rtol=1e-5, atol=1e-5)
    assert loaded.processor.tokenizer.decode(ids[0]).endswith("user: good house, bad house\nassistant: ")


@pytest.mark.parametrize("damage", ["empty", "torn", "text", "unknown"])
def test_what_is_not_a_whole_file_of_a_known_kind_is_refused_in_one_line(
    llama: Any, tmp_path: Path, damage: str
) -> None:
    file = write(llama, tmp_path / "tiny.gguf", "no-such-model" if damage == "unknown" else "llama")
    whole = file.read_bytes()
    file.write_bytes({"empty": b"", "torn": whole[: len(whole) // 2], "text": b"weights\n" * 99}.get(damage, whole))
    with pytest.raises(ModelError) as caught:
        load(file)
    said = str(caught.value)
    assert "\n" not in said
    assert "tiny.gguf" in said
    assert said.endswith("; name another file, or a folder")
    load(write(llama, tmp_path / "other.gguf"))
