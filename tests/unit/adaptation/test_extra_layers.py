"""New blocks on top of a transformer: where they start, where they stand, and which networks can have none."""

from collections.abc import Mapping

import pytest
import torch

from finetrail.adaptation.extra_layers import ExtraLayers
from finetrail.adaptation.lora import Lora
from finetrail.contents.text.settings import TextBackbone
from finetrail.errors import ConfigError
from finetrail.models.blocks import backbone_blocks
from tests.unit.adaptation.test_methods import TEXTS
from tests.unit.models.networks import BUILD, answers, copies, text_classifier


@pytest.mark.parametrize("kind", ["gpt2", "llama", "qwen3"])
def test_where_norms_stand_in_front_the_network_starts_as_the_pretrained_one(
    decoders: Mapping[str, TextBackbone], kind: str
) -> None:
    built = text_classifier(decoders[kind])
    inputs, depth = built.processor.encode(TEXTS), len(backbone_blocks(built.model.backbone))
    before = answers(built.model, inputs, 4)
    ExtraLayers(method="extra_layers", layers=2).apply(built.model)
    assert (answers(built.model, inputs, 4) == before).all()
    assert len(backbone_blocks(built.model.backbone)) == depth + 2
    places = {str(one.layer_idx) for one in built.model.backbone.modules() if hasattr(one, "layer_idx")}
    assert places == {*map(str, range(depth + 2))}


def test_where_norms_stand_behind_vectors_are_only_normed_again(backbone: TextBackbone) -> None:
    built = text_classifier(backbone)
    inputs, start = built.processor.encode(TEXTS), copies(built.model)
    before = answers(built.model, inputs, 4)
    ExtraLayers(method="extra_layers").apply(built.model)
    assert abs(answers(built.model, inputs, 4) - before).max() < 1e-3  # its norms are those of a new network
    now = built.model.state_dict()
    assert all(torch.equal(now[name], one) for name, one in start.items())


def test_convolutions_are_refused_and_have_another_way() -> None:
    with pytest.raises(
        ConfigError,
        match=r"'extra_layers', but this backbone has no list of blocks .*; use another method, such as lora",
    ):
        ExtraLayers(method="extra_layers").apply(BUILD["convolutions"]())
    Lora(method="lora").apply(BUILD["convolutions"]())
