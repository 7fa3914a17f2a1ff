"""Whole blocks of every library, and checkpointing that changes memory and nothing else."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from finetrail.adaptation.lora import Lora
from finetrail.contents.text.settings import TextBackbone
from finetrail.errors import ConfigError
from finetrail.models.blocks import backbone_blocks, checkpoint_blocks
from finetrail.models.layers import backbone_layers
from finetrail.models.network import Network
from finetrail.training.convolutions import FastConvolutions
from tests.unit.models.networks import BUILD, images, text_classifier


class Wrapper(nn.Module):
    """As VisionBackbone wraps a network."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network


def names(backbone: nn.Module) -> list[str]:
    found = backbone_blocks(backbone)
    layers = [{id(one) for one in layer} for layer in backbone_layers(backbone)]
    places = [
        [number for number, layer in enumerate(layers) if {id(one) for one in block.parameters()} <= layer]
        for _, block in found
    ]
    assert all(len(place) == 1 for place in places)  # a block is one layer
    assert places == sorted(places)
    return [name.removeprefix("network.") for name, _ in found]


@pytest.mark.parametrize(
    ("name", "count", "first", "last"),
    [
        ("resnet18", 8, "layer1.0", "layer4.1"),
        ("resnet50", 16, "layer1.0", "layer4.2"),
        ("vit_b_16", 12, "encoder.layers.encoder_layer_0", "encoder.layers.encoder_layer_11"),
        ("swin_t", 16, "features.0", "features.7.1"),  # stem, 12 blocks, 3 mergings
        ("mobilenet_v2", 19, "features.0", "features.18"),
        ("efficientnet_b0", 18, "features.0", "features.8"),
        ("convnext_tiny", 22, "features.0", "features.7.2"),
        ("vgg11", 0, "", ""),
    ],
)
def test_torchvision(name: str, count: int, first: str, last: str) -> None:
    import torchvision

    with torch.device("meta"):
        found = names(Wrapper(torchvision.models.get_model(name, weights=None)))
    assert len(found) == count
    assert (found[:1], found[-1:]) == (([first], [last]) if count else ([], []))


@pytest.mark.parametrize(
    ("name", "count", "first", "last"),
    [
        ("resnet18", 8, "layer1.0", "layer4.1"),
        ("vit_tiny_patch16_224", 12, "blocks.0", "blocks.11"),
        ("mobilenetv3_small_050", 12, "blocks.0", "blocks.5"),
        ("convnext_atto", 12, "stages.0.blocks.0", "stages.3.blocks.1"),
        ("swin_tiny_patch4_window7_224", 12, "layers.0.blocks.0", "layers.3.blocks.1"),
    ],
)
def test_timm(name: str, count: int, first: str, last: str) -> None:
    import timm

    with torch.device("meta"):
        found = names(Wrapper(timm.create_model(name, num_classes=0)))
    assert (len(found), found[-1]) == (count, last)
    assert found[0] == first


@pytest.mark.parametrize("adapted", [False, True])
def test_an_encoder_of_text_also_with_adapters(backbone: TextBackbone, adapted: bool) -> None:
    model = text_classifier(backbone).model
    if adapted:
        Lora(method="lora", r=1).apply(model)
    found = [(name, type(block).__name__) for name, block in backbone_blocks(model.backbone)]
    inside = "base_model.model." if adapted else ""
    assert found == [(f"{inside}encoder.encoder.layer.{number}", "BertLayer") for number in (0, 1)]
    named = dict(model.backbone.named_modules())
    assert all(named[name] is block for name, block in backbone_blocks(model.backbone))


Case = tuple[Network, dict[str, Tensor]]


def text(encoder_folder: Path) -> Case:
    """With dropout, whose draws have to be the same when a block is computed again."""
    with torch.random.fork_rng():
        torch.manual_seed(1)
        built = text_classifier(TextBackbone(weights=str(encoder_folder), max_tokens=16, dropout=0.2))
    return built.model, built.processor.encode(["good fine great door", "bad poor", "sad river"]).batch(range(3))


def network(kind: str) -> Case:
    return BUILD[kind](), images().batch(range(8))


CASES: dict[str, Callable[[Path], Case]] = {
    "text": text,
    **{kind: (lambda folder, kind=kind: network(kind)) for kind in BUILD},  # type: ignore[misc]
}


def backward(case: Case) -> tuple[dict[str, Tensor], dict[str, Tensor], int]:
    """Gradients, buffers, and the bytes that were kept for the backward pass."""
    model, batch = case
    model.requires_grad_(True).train()
    torch.manual_seed(5)
    kept: dict[int, int] = {}

    def keep(tensor: Tensor) -> Tensor:
        kept[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        loss = model(batch).square().sum()
    weights = {one.untyped_storage().data_ptr() for one in model.parameters()}
    loss.backward()
    gradients = {name: one.grad for name, one in model.named_parameters() if one.grad is not None}
    return gradients, dict(model.named_buffers()), sum(size for place, size in kept.items() if place not in weights)


@pytest.mark.parametrize("kind", list(CASES))
def test_checkpointing_keeps_less_and_changes_nothing(encoder_folder: Path, kind: str) -> None:
    plain = CASES[kind](encoder_folder)
    gradients, buffers, kept = backward(plain)
    other = CASES[kind](encoder_folder)
    before = list(other[0].state_dict())
    checkpoint_blocks(other[0].backbone)
    found, statistics, less = backward(other)
    assert list(other[0].state_dict()) == before
    assert found.keys() == gradients.keys()
    assert all(torch.equal(found[name], gradients[name]) for name in gradients)
    # Running statistics have seen the batch once, though every block was computed twice.
    assert all(torch.equal(statistics[name], buffers[name]) for name in buffers)
    assert less < (0.8 if kind == "convolutions" else 0.6) * kept  # a stem, which is no block, keeps its own


def test_without_gradients_nothing_is_kept_nor_computed_twice() -> None:
    model, batch = network("convolutions")
    calls = []
    block = backbone_blocks(model.backbone)[0][1]
    forward = block.forward
    block.forward = lambda *given: (calls.append(1), forward(*given))[1]  # type: ignore[func-returns-value]
    with torch.no_grad():
        expected = model(batch)
    checkpoint_blocks(model.backbone)
    with torch.no_grad():
        assert torch.equal(model(batch), expected)
    assert len(calls) == 2


@pytest.mark.parametrize("kind", ["convolutions", "grouped"])
def test_blocks_under_the_convolutions_of_the_loop(kind: str) -> None:
    """They are active in the first computation only: the second must keep the like of what they kept."""

    def gradients(model: Network, batch: Any) -> dict[str, Tensor]:
        model.train()
        with torch.autocast("cpu", dtype=torch.bfloat16), FastConvolutions():
            loss = model(batch).square().sum()
        loss.backward()
        return {name: one.grad for name, one in model.named_parameters() if one.grad is not None}

    plain = gradients(*network(kind))
    model, batch = network(kind)
    checkpoint_blocks(model.backbone)
    found = gradients(model, batch)
    assert plain.keys() == found.keys()
    assert all(torch.equal(found[name], plain[name]) for name in plain)


def test_a_network_without_blocks_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"gradient_checkpointing is true, but this backbone is not made of blocks; "):
        checkpoint_blocks(nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Conv2d(4, 4, 3)))
