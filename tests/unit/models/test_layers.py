"""The layers of networks of every library, in the order in which data goes through them."""

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from finetrail.adaptation.lora import Lora
from finetrail.contents.text.backbone import load_pretrained
from finetrail.contents.text.settings import TextBackbone
from finetrail.models.layers import backbone_layers
from tests.unit.models.networks import text_classifier


class Wrapper(nn.Module):
    """As VisionBackbone wraps a network."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network


def starts(backbone: nn.Module) -> list[str]:
    """The name of the first parameter of each layer; each parameter is in just one."""
    names = {id(parameter): name for name, parameter in backbone.named_parameters()}
    layers = backbone_layers(backbone)
    found = [names[id(parameter)] for layer in layers for parameter in layer]
    assert sorted(found) == sorted(names.values())
    return [names[id(layer[0])].removeprefix("network.") for layer in layers]


def torchvision_network(name: str) -> nn.Module:
    import torchvision

    with torch.device("meta"):
        return Wrapper(torchvision.models.get_model(name, weights=None))


@pytest.mark.parametrize(
    ("name", "layers", "some"),
    [
        ("resnet18", 10, {0: "conv1.weight", 1: "layer1.0.conv1.weight", 8: "layer4.1.conv1.weight", 9: "fc.weight"}),
        ("mobilenet_v2", 20, {0: "features.0.0.weight", 1: "features.1.conv.0.0.weight", 19: "classifier.1.weight"}),
        ("efficientnet_b0", 19, {0: "features.0.0.weight", 2: "features.2.0.block.0.0.weight"}),
        ("vit_b_16", 14, {0: "class_token", 1: "encoder.layers.encoder_layer_0.ln_1.weight", 13: "heads.head.weight"}),
        ("convnext_tiny", 23, {0: "features.0.0.weight", 4: "features.2.0.weight"}),
        ("vgg11", 11, {0: "features.0.weight", 7: "features.18.weight", 8: "classifier.0.weight"}),
        (
            "densenet121",
            63,
            {1: "features.denseblock1.denselayer1.norm1.weight", 7: "features.transition1.norm.weight"},
        ),
    ],
)
def test_torchvision(name: str, layers: int, some: dict[int, str]) -> None:
    found = starts(torchvision_network(name))
    assert len(found) == layers
    assert {place: found[place] for place in some} == some


@pytest.mark.parametrize(
    "name",
    ["resnet18", "vit_tiny_patch16_224", "mobilenetv3_small_050", "regnetx_002", "repvgg_a0", "mixer_s32_224"],
)
def test_timm_groups_its_parameters_the_same_way(name: str) -> None:
    import timm
    from timm.models import group_parameters

    network = timm.create_model(name, num_classes=0)
    theirs = group_parameters(network, network.group_matcher(coarse=False))
    names = {id(parameter): name for name, parameter in network.named_parameters()}
    ours = [{names[id(parameter)] for parameter in layer} for layer in backbone_layers(Wrapper(network))]
    assert ours == [set(group) for group in theirs.values()]


def test_the_models_of_transformers() -> None:
    import transformers as library

    small: dict[str, Any] = {"hidden_size": 8, "num_hidden_layers": 3, "num_attention_heads": 2, "image_size": 32}
    with torch.device("meta"):
        vit = library.ViTForImageClassification(library.ViTConfig(**small, intermediate_size=8))
        sizes: dict[str, Any] = {"depths": [1, 2], "hidden_sizes": [8, 16]}
        resnet = library.ResNetForImageClassification(library.ResNetConfig(embedding_size=8, **sizes))
        convnext = library.ConvNextForImageClassification(
            library.ConvNextConfig(depths=[1, 2, 1, 1], hidden_sizes=[8] * 4)
        )
        swin = library.SwinForImageClassification(library.SwinConfig(embed_dim=8, depths=[2, 1], num_heads=[1, 1]))
    assert len(starts(vit)) == 1 + 3 + 1
    assert len(starts(resnet)) == 1 + 3 + 1
    assert len(starts(convnext)) == 1 + 5 + 3 + 1  # three of the stages begin with a convolution of their own
    assert len(starts(swin)) == 1 + 3 + 1 + 1  # and one of these ends with one


def test_an_encoder_of_text(backbone: TextBackbone) -> None:
    encoder = load_pretrained(backbone, Path(), "pooled", ["text"]).network
    assert starts(encoder) == [
        "encoder.embeddings.word_embeddings.weight",
        "encoder.encoder.layer.0.attention.self.query.weight",
        "encoder.encoder.layer.1.attention.self.query.weight",
    ]


def test_positions_that_every_block_reads_belong_to_the_first_layer() -> None:
    from transformers import AutoConfig, AutoModel

    shape = {"hidden_size": 32, "num_hidden_layers": 3, "num_attention_heads": 2, "intermediate_size": 64}
    config = AutoConfig.for_model("deberta-v2", **shape, relative_attention=True, pos_att_type=["p2c", "c2p"])
    with torch.device("meta"):
        encoder = AutoModel.from_config(config)
    found = starts(Wrapper(encoder))
    assert found[0] == "embeddings.word_embeddings.weight"
    assert found[1:] == [f"encoder.layer.{number}.attention.self.query_proj.weight" for number in range(3)]
    first = {id(parameter) for parameter in backbone_layers(encoder)[0]}
    assert id(encoder.encoder.rel_embeddings.weight) in first


def test_adapters_belong_to_the_layer_that_they_stand_beside(backbone: TextBackbone) -> None:
    model = text_classifier(backbone).model
    Lora(method="lora", r=1, target_modules=("query",)).apply(model)
    names = {id(parameter): name for name, parameter in model.backbone.named_parameters()}
    layers = [[names[id(parameter)] for parameter in layer] for layer in backbone_layers(model.backbone)]
    assert sum(map(len, layers)) == len(names)
    assert [sum("lora_" in name for name in layer) for layer in layers] == [0, 2, 2]


def test_a_parameter_that_is_shared_is_counted_once() -> None:
    shared = nn.Linear(4, 4)
    network = nn.Sequential(shared, nn.ReLU(), shared, nn.Linear(4, 4))
    assert [len(layer) for layer in backbone_layers(network)] == [2, 2]


def test_a_single_layer_and_none_at_all() -> None:
    assert [len(layer) for layer in backbone_layers(nn.Linear(2, 2))] == [2]
    assert backbone_layers(nn.ReLU()) == []
