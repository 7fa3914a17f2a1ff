"""Fewer layers: which ones are kept, and that the shorter encoder is saved and read back as it is."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from finetrail.contents.text.depth import keep_layers
from finetrail.contents.text.encoder import token_vectors
from finetrail.contents.text.settings import TextBackbone
from finetrail.errors import ModelError
from finetrail.tasks.registry import load_model
from tests.unit.models.networks import answers, text_classifier

SMALL = {"hidden_size": 16, "num_hidden_layers": 4, "num_attention_heads": 2, "intermediate_size": 32}
IDS = {"bos_token_id": 1, "eos_token_id": 2, "pad_token_id": 0, "cls_token_id": 1, "sep_token_id": 2}


def test_a_shorter_encoder_has_the_weights_of_the_layers_that_stay(backbone: TextBackbone, tmp_path: Path) -> None:
    whole = text_classifier(backbone)
    short = text_classifier(asked := backbone.model_copy(update={"layers": 1}))
    own, given = (dict(one.model.backbone.named_parameters()) for one in (short, whole))
    assert [name for name in own if not torch.equal(own[name], given[name])] == []
    assert {name.split(".")[3] for name in own if ".layer." in name} == {"0"}
    short.task.save(short, asked, tmp_path)
    texts = short.processor.encode(["good table", "bad river stone"])
    read = load_model(tmp_path)
    assert (answers(read.model, texts) == answers(short.model, texts)).all()


def small_gpt() -> Any:
    from transformers import GPT2Config, GPT2Model

    return GPT2Model(GPT2Config(vocab_size=40, n_embd=16, n_layer=4, n_head=2, **dict.fromkeys(IDS, 0)))


def small_modern() -> Any:
    from transformers import ModernBertConfig, ModernBertModel

    return ModernBertModel(ModernBertConfig(vocab_size=40, **SMALL, **IDS))


@pytest.mark.parametrize("made", [small_gpt, small_modern])
def test_what_a_layer_knows_of_its_place_is_that_of_the_new_one(made: Callable[[], Any]) -> None:
    encoder = made()
    keep_layers(encoder.eval(), 2, "it")
    rebuilt = type(encoder)(encoder.config).eval()
    rebuilt.load_state_dict(encoder.state_dict())
    batch = {"input_ids": torch.tensor([[1, 7, 9, 2]]), "attention_mask": torch.ones(1, 4, dtype=torch.long)}
    assert torch.equal(token_vectors(encoder, batch), token_vectors(rebuilt, batch))


def test_layers_that_there_are_not_are_refused(backbone: TextBackbone) -> None:
    with pytest.raises(ModelError, match=r"^backbone.layers is 3, but '.*' has 2; ask for at most 2$"):
        text_classifier(backbone.model_copy(update={"layers": 3}))
    from transformers import AlbertConfig, AlbertModel

    shared = AlbertModel(AlbertConfig(vocab_size=40, embedding_size=8, **SMALL))
    with pytest.raises(ModelError, match=r"^the layers of 'it' cannot be told apart; remove backbone.layers, or use"):
        keep_layers(shared, 2, "it")
