"""What the variants of peft's methods add, on texts and on images, and what they are not made for."""

from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from finetrail.adaptation.bitfit import Bitfit
from finetrail.adaptation.full import Full
from finetrail.adaptation.ia3 import Ia3
from finetrail.adaptation.lora import Lora
from finetrail.contents.image.backbone import VisionBackbone
from finetrail.contents.text.settings import TextBackbone
from finetrail.errors import ConfigError
from finetrail.models.network import Network
from tests.unit.models.networks import BUILD, HALF, answers, images, some_steps, text_classifier


@pytest.mark.parametrize(("rslora", "scale"), [(False, 6 / 4), (True, 6 / 2)])  # alpha / r, alpha / sqrt(r)
def test_how_an_update_is_scaled(backbone: TextBackbone, rslora: bool, scale: float) -> None:
    model = text_classifier(backbone).model
    name = "backbone.encoder.encoder.layer.1.attention.self.query.weight"
    before = model.state_dict()[name].clone()
    method = Lora(method="lora", r=4, alpha=6, rslora=rslora, layers=1, target_modules=("query",))
    method.apply(model)
    added = {key.split(".")[-3]: tensor for key, tensor in model.named_parameters() if "lora_" in key}
    with torch.no_grad():
        added["lora_B"].copy_(torch.randn(16, 4))
        expected = before + scale * added["lora_B"] @ added["lora_A"]
    method.merge(model)
    torch.testing.assert_close(model.state_dict()[name], expected)


def test_with_dora_the_length_of_a_column_is_a_weight_of_its_own(backbone: TextBackbone) -> None:
    model = text_classifier(backbone).model
    name = "backbone.encoder.encoder.layer.1.attention.self.query.weight"
    before = model.state_dict()[name].clone()
    method = Lora(method="lora", r=4, alpha=4, dora=True, layers=1, target_modules=("query",))
    method.apply(model)
    added = {key.split(".")[-3]: one for key, one in model.named_parameters() if "lora_" in key and "magn" not in key}
    (length,) = [one for key, one in model.named_parameters() if "magnitude" in key]
    with torch.no_grad():
        added["lora_B"].copy_(torch.randn(16, 4))
        length.mul_(3)
        direction = before + added["lora_B"] @ added["lora_A"]
        expected = 3 * before.norm(dim=1, keepdim=True) * direction / direction.norm(dim=1, keepdim=True)
    method.merge(model)
    torch.testing.assert_close(model.state_dict()[name], expected)


def test_dora_on_images_is_merged() -> None:
    model, method = BUILD["attention"](), Lora(method="lora", r=4, alpha=8, dora=True)
    untrained = answers(model, images(), 8)
    method.apply(model)
    np.testing.assert_allclose(answers(model, images(), 8), untrained, rtol=1e-4, atol=1e-4)
    some_steps(model, images())
    trained = answers(model, images(), 8)
    method.merge(model)
    np.testing.assert_allclose(answers(model, images(), 8), trained, rtol=1e-3, atol=1e-4)
    assert "magnitude" not in str(list(model.state_dict()))


@pytest.mark.parametrize(
    ("network", "what"),
    [
        ("multihead", r"\S+self_attention is not a linear layer \(Mul"),
        ("convolutions", r"\S+ is not a linear layer \(Conv2d"),
    ],
)
def test_dora_is_refused_where_it_cannot_be(network: str, what: str) -> None:
    with pytest.raises(
        ConfigError, match=rf"dora is true, but network\.{what}.*; name linear layers in target_modules"
    ):
        Lora(method="lora", dora=True).apply(BUILD[network]())


def test_dora_beside_attentions_that_cannot_have_it() -> None:
    model = BUILD["multihead"]()
    Lora(method="lora", dora=True, target_modules=("mlp.0", "mlp.3")).apply(model)
    assert sum("magnitude" in name for name, _ in model.named_parameters()) == 4


@pytest.mark.parametrize(
    ("network", "inside"),
    [("convolutions", "layer4.0."), ("attention", "blocks.7."), ("multihead", "encoder_layer_1.")],
)
def test_updates_of_the_last_blocks_only(network: str, inside: str) -> None:
    model = BUILD[network]()
    Lora(method="lora", r=1, layers=1).apply(model)
    found = [name for name, one in model.backbone.named_parameters() if one.requires_grad]
    assert found
    assert all(inside in name and "lora_" in name for name in found)


@pytest.mark.parametrize(("network", "blocks"), [("convolutions", 4), ("attention", 8)])
def test_more_blocks_than_there_are_are_refused(network: str, blocks: int) -> None:
    Lora(method="lora", layers=blocks).apply(BUILD[network]())
    message = rf"adaptation\.layers is {blocks + 1}, but this backbone has {blocks} blocks; lower it"
    with pytest.raises(ConfigError, match=message):
        Lora(method="lora", layers=blocks + 1).apply(BUILD[network]())


@pytest.mark.parametrize("method", [Lora(method="lora", r=1), Lora(method="lora", r=1, dora=True), Ia3(method="ia3")])
@pytest.mark.parametrize("kind", ["", "V2"])
def test_attention_that_only_reads_its_weights_gets_nothing_that_would_not_learn(kind: str, method: Any) -> None:
    from torchvision.models import swin_transformer

    given: dict[str, Any] = {"patch_size": [4, 4], "embed_dim": 8, "depths": [1, 1], "num_heads": [1, 2]}
    if kind:
        given |= {
            "block": swin_transformer.SwinTransformerBlockV2,
            "downsample_layer": swin_transformer.PatchMergingV2,
        }
    network = swin_transformer.SwinTransformer(**given, window_size=[2, 2])
    network.head = nn.Identity()
    model = Network(VisionBackbone(network, "swin", HALF), nn.Linear(16, 2))
    method.apply(model)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if "lora_B" in name:
                parameter.normal_(std=0.01)
    model(images().batch(range(8))).square().sum().backward()
    adapters = {name: one for name, one in model.backbone.named_parameters() if one.requires_grad}
    assert len(adapters) >= 2
    assert [name for name, one in adapters.items() if one.grad is None] == []
    with pytest.raises(ConfigError, match=r"target_modules \['qkv'\] match no linear layer"):
        Lora(method="lora", target_modules=("qkv",)).apply(model)


def scaled(model: Network) -> dict[str, Any]:
    return {
        name.split("encoder.layer.1.")[-1]: module
        for name, module in model.backbone.named_modules()
        if hasattr(module, "ia3_l") and "layer.0" not in name
    }


def test_what_is_scaled_by_default(backbone: TextBackbone) -> None:
    model = text_classifier(backbone).model
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    Ia3(method="ia3").apply(model)
    found = scaled(model)
    inner = {name: module.is_feedforward for name, module in found.items()}
    assert inner == {"attention.self.key": False, "attention.self.value": False, "output.dense": True}
    assert all((one == 1).all() for name, one in model.named_parameters() if "ia3_l" in name)
    factors = torch.linspace(0.5, 2, 32)
    with torch.no_grad():
        found["output.dense"].ia3_l["default"].copy_(factors)
        found["attention.self.value"].ia3_l["default"].fill_(3)
    Ia3(method="ia3").merge(model)
    inside, after = "backbone.encoder.encoder.layer.1.", model.state_dict()
    changed = {f"{inside}output.dense.weight": factors, f"{inside}attention.self.value.weight": 3}
    for name, factor in (changed | {f"{inside}attention.self.value.bias": 3}).items():
        torch.testing.assert_close(after[name], before[name] * factor)


@pytest.mark.parametrize(
    ("network", "count", "inner"),
    [("convolutions", 15, 0), ("grouped", 35, 0), ("attention", 16, 8), ("multihead", 2, 2)],
)
def test_what_is_scaled_in_networks_for_images(network: str, count: int, inner: int) -> None:
    model = BUILD[network]()
    Ia3(method="ia3").apply(model)
    found = [module for module in model.modules() if hasattr(module, "ia3_l")]
    assert (len(found), sum(bool(module.is_feedforward) for module in found)) == (count, inner)


def test_without_a_known_name_layers_have_to_be_named() -> None:
    def model() -> Network:
        return Network(nn.Sequential(nn.Linear(4, 4), nn.Tanh(), nn.Linear(4, 8)), nn.Linear(8, 2))

    with pytest.raises(
        ConfigError, match=r"no keys, values or feed-forward layers under a known name; list some of 0, 2 "
    ):
        Ia3(method="ia3").apply(model())
    with pytest.raises(ConfigError, match=r"target_modules \['1'\] match no linear layer or ungrouped convolution"):
        Ia3(method="ia3", target_modules=("1",)).apply(model())
    Ia3(method="ia3", target_modules=("0", "2")).apply(model())


def test_without_layers_to_scale_another_method_is_the_way() -> None:
    def model() -> Network:
        return Network(nn.LayerNorm(4), nn.Linear(4, 2))

    with pytest.raises(ConfigError, match=r"under a known name; use another method, such as full$"):
        Ia3(method="ia3").apply(model())
    Full(method="full").apply(model())


@pytest.mark.parametrize("network", list(BUILD))
def test_biases_are_all_that_trains(network: str) -> None:
    model = BUILD[network]()
    Bitfit(method="bitfit").apply(model)
    found = {name for name, one in model.backbone.named_parameters() if one.requires_grad}
    assert found == {
        name for name, one in model.backbone.named_parameters() if name.rsplit(".", 1)[-1].endswith("bias")
    }
    assert len(found) >= 10
    assert all(one.requires_grad for one in model.head.parameters())


def test_a_backbone_without_biases_is_refused() -> None:
    model = Network(nn.Sequential(nn.Linear(4, 4, bias=False)), nn.Linear(4, 2))
    with pytest.raises(
        ConfigError, match=r"'bitfit', but this backbone has no biases; use another method, such as lora"
    ):
        Bitfit(method="bitfit").apply(model)
