"""Every method on convolutions, depthwise convolutions, and both kinds of attention."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from finetrail.adaptation.adalora import Adalora
from finetrail.adaptation.bitfit import Bitfit
from finetrail.adaptation.full import Full
from finetrail.adaptation.gradual_unfreeze import GradualUnfreeze
from finetrail.adaptation.ia3 import Ia3
from finetrail.adaptation.last_layers import LastLayers
from finetrail.adaptation.linear_probe import LinearProbe
from finetrail.adaptation.lora import Lora
from finetrail.adaptation.methods import Adaptation
from finetrail.errors import ConfigError
from finetrail.models.weights import load_weights, save_tensors
from tests.unit.models.networks import BUILD, answers, copies, images, some_steps

pytestmark = pytest.mark.slow

IMAGES = images()
METHODS: dict[str, Adaptation] = {
    "linear_probe": LinearProbe(method="linear_probe"),
    "last_layers": LastLayers(method="last_layers", layers=1),
    "gradual_unfreeze": GradualUnfreeze(method="gradual_unfreeze"),
    "lora": Lora(method="lora", r=4, alpha=8),
    "rslora": Lora(method="lora", r=4, alpha=8, rslora=True),
    "adalora": Adalora(method="adalora", r=2, initial_r=4),
    "upper lora": Lora(method="lora", r=4, alpha=8, layers=1),
    "ia3": Ia3(method="ia3"),
    "bitfit": Bitfit(method="bitfit"),
    "full": Full(method="full"),
}


@pytest.mark.parametrize("network", list(BUILD))
@pytest.mark.parametrize("method", METHODS.values(), ids=list(METHODS))
def test_what_was_trained_merged_and_saved_is_what_is_loaded(tmp_path: Path, network: str, method: Adaptation) -> None:
    model = BUILD[network]()
    before = copies(model)
    untrained = answers(model, IMAGES, 8)
    method.apply(model)
    for epoch in (1, 2):
        method.start_epoch(model, epoch)
        some_steps(model, IMAGES, steps=1)
    trained = answers(model, IMAGES, 8)
    assert abs(trained - untrained).max() > 1e-3
    method.merge(model)
    # A merged kernel sums in another order, which shows in the last digits of the largest answers.
    np.testing.assert_allclose(answers(model, IMAGES, 8), trained, rtol=1e-3, atol=1e-5)
    assert {name: one.shape for name, one in model.state_dict().items()} == {n: one.shape for n, one in before.items()}
    save_tensors(model.state_dict(), tmp_path / "model.safetensors")
    fresh = BUILD[network]()
    load_weights(fresh, tmp_path / "model.safetensors")
    assert (answers(fresh, IMAGES, 8) == answers(model, IMAGES, 8)).all()


@pytest.mark.parametrize("network", list(BUILD))
def test_every_adapter_learns(network: str) -> None:
    """One that the network passes by, as with the output projection of nn.MultiheadAttention, has no gradient."""
    model = BUILD[network]()
    METHODS["lora"].apply(model)
    with torch.no_grad():  # an update starts at zero, where its first matrix has no gradient yet
        for name, parameter in model.named_parameters():
            if "lora_B" in name:
                parameter.normal_(std=0.01)
    model.train()
    batch = IMAGES.batch(range(len(IMAGES)))
    nn.functional.cross_entropy(model(batch), torch.arange(8) % 2).backward()  # type: ignore[no-untyped-call]
    adapters = {name: one for name, one in model.named_parameters() if "lora_" in name}
    assert len(adapters) >= 8
    assert [name for name, one in adapters.items() if one.grad is None or not one.grad.abs().sum() > 0] == []
    assert [
        name for name, one in model.backbone.named_parameters() if one.grad is not None and "lora_" not in name
    ] == []


@pytest.mark.parametrize(
    ("network", "targets"),
    [
        ("convolutions", {"Conv2d": 15}),  # all of them
        ("grouped", {"Conv2d": 35}),  # 52 less 17 depthwise ones
        ("attention", {"Linear": 32}),
        ("multihead", {"MultiheadAttention": 2, "Linear": 2 + 2 * 2}),  # of which 2 are inside of the attentions
    ],
)
def test_what_gets_an_adapter_by_default(network: str, targets: dict[str, int]) -> None:
    model = BUILD[network]()
    METHODS["lora"].apply(model)
    found = [type(module).__name__ for module in model.modules() if hasattr(module, "base_layer")]
    assert {name: found.count(name) for name in set(found)} == targets


@pytest.mark.parametrize(
    ("network", "targets"),
    [("grouped", ("conv.1.0",)), ("multihead", ("out_proj",)), ("convolutions", ("bn1",)), ("multihead", ("lay",))],
)
def test_what_cannot_have_an_adapter_is_refused(network: str, targets: tuple[str, ...]) -> None:
    with pytest.raises(ConfigError, match=r"match no linear layer or ungrouped convolution; this backbone has "):
        Lora(method="lora", target_modules=targets).apply(BUILD[network]())


def test_layers_can_be_named() -> None:
    model = BUILD["convolutions"]()
    Lora(method="lora", target_modules=("layer4.0.conv2", "downsample.1")).apply(model)
    found = [name for name, module in model.backbone.named_modules() if hasattr(module, "base_layer")]
    downsampling = [f"layer{number}.0.downsample.1" for number in (2, 3, 4)]
    assert [name.split("network.")[1] for name in found] == [*downsampling[:2], "layer4.0.conv2", downsampling[2]]


def test_attention_does_not_drift_while_its_adapter_trains() -> None:
    """peft adds the update to the weight before each forward pass and takes it off again."""
    model = BUILD["multihead"]()
    before = copies(model)
    METHODS["lora"].apply(model)
    some_steps(model, IMAGES, steps=50)
    after = model.state_dict()
    for name, tensor in before.items():
        same = [key for key in after if key.replace("base_model.model.", "").replace("base_layer.", "") == name]
        if same and not name.startswith("head."):
            torch.testing.assert_close(after[same[0]], tensor, rtol=0, atol=1e-6)


@pytest.mark.parametrize("network", list(BUILD))
def test_the_last_layers_train_and_those_below_stay_as_they_are(network: str) -> None:
    model = BUILD[network]()
    before = copies(model)
    LastLayers(method="last_layers", layers=1).apply(model)
    trains = {name for name, parameter in model.named_parameters() if parameter.requires_grad}
    some_steps(model, IMAGES)
    differ = {name for name, tensor in model.state_dict().items() if not torch.equal(tensor, before[name])}
    top = {
        "convolutions": "backbone.network.layer4.0.",
        "grouped": "backbone.network.features.18.",
        "attention": ("backbone.network.blocks.7.", "backbone.network.fc_norm.", "backbone.network.norm."),
        "multihead": ("backbone.network.encoder.layers.encoder_layer_1.", "backbone.network.encoder.ln."),
    }[network]
    assert all(name.startswith((*([top] if isinstance(top, str) else top), "head.")) for name in differ | trains)
    matrices = {name for name, parameter in model.named_parameters() if parameter.requires_grad and parameter.ndim > 1}
    assert differ >= matrices
    assert len(matrices) > 1  # more than the head


def test_more_layers_than_there_are_are_refused() -> None:
    with pytest.raises(ConfigError, match=r"adaptation\.layers is 8, but this backbone has 7 layers; lower it"):
        LastLayers(method="last_layers", layers=8).apply(BUILD["convolutions"]())


@pytest.mark.parametrize("network", list(BUILD))
@pytest.mark.parametrize("method", ["linear_probe", "lora"])
def test_the_statistics_of_a_frozen_part_stay(network: str, method: str) -> None:
    model = BUILD[network]()
    METHODS[method].apply(model)
    before = {name: tensor.clone() for name, tensor in model.backbone.named_buffers()}
    some_steps(model, IMAGES)
    after = dict(model.backbone.named_buffers())
    assert all(torch.equal(after[name], tensor) for name, tensor in before.items())


def test_under_full_training_the_statistics_follow_the_data() -> None:
    model = BUILD["convolutions"]()
    METHODS["full"].apply(model)
    before = {name: tensor.clone() for name, tensor in model.backbone.named_buffers()}
    some_steps(model, IMAGES)
    moved = [name for name, tensor in model.backbone.named_buffers() if not torch.equal(tensor, before[name])]
    assert len(moved) == 3 * 15


@pytest.mark.parametrize(
    ("every", "layers", "trained"),
    [(1, 1, [0, 1, 2, 3]), (2, 1, [0, 0, 1, 1]), (1, 4, [0, 4, 7, 7]), (2, 9, [0, 0, 7, 7])],
)
def test_layers_are_unfrozen_from_the_top(every: int, layers: int, trained: list[int]) -> None:
    from finetrail.models.layers import backbone_layers

    model = BUILD["convolutions"]()
    method = GradualUnfreeze(method="gradual_unfreeze", every=every, layers=layers)
    method.apply(model)
    assert all(parameter.requires_grad for parameter in model.parameters())
    for epoch, count in enumerate(trained, start=1):
        method.start_epoch(model, epoch)
        found = [all(one.requires_grad for one in layer) for layer in backbone_layers(model.backbone)]
        assert found == [False] * (7 - count) + [True] * count
        assert [any(one.requires_grad for one in layer) for layer in backbone_layers(model.backbone)] == found
        assert all(parameter.requires_grad for parameter in model.head.parameters())


def test_what_is_not_unfrozen_yet_does_not_change_though_the_optimiser_knows_it() -> None:
    model = BUILD["convolutions"]()
    method = GradualUnfreeze(method="gradual_unfreeze")
    method.apply(model)
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.01, weight_decay=0.5)
    changed = []
    for epoch in (1, 2, 3):
        method.start_epoch(model, epoch)
        before = copies(model)
        model.train()
        optimizer.zero_grad()
        logits = model(IMAGES.batch(range(8)))
        nn.functional.cross_entropy(logits, torch.arange(8) % 2).backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        differ = {name for name, tensor in model.state_dict().items() if not torch.equal(tensor, before[name])}
        changed.append({".".join(name.split(".")[2:4]) if name.startswith("backbone") else "head" for name in differ})
    assert changed == [{"head"}, {"head", "layer4.0"}, {"head", "layer4.0", "layer3.0"}]
