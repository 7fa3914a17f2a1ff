"""Adapters in the blocks of text encoders and ViTs: what they change, and that a saved model has them."""

from typing import Literal

import pytest
import torch

from finetrail.adaptation.adapter import Adapter
from finetrail.adaptation.lora import Lora
from finetrail.errors import ConfigError
from finetrail.models.bottlenecks import add_bottlenecks, describe_bottlenecks
from tests.unit.models.networks import BUILD, answers, copies, images, some_steps


@pytest.mark.parametrize(
    ("network", "placement", "count"),
    [
        ("attention", "pfeiffer", 8),
        ("attention", "houlsby", 16),
        ("multihead", "pfeiffer", 2),
        ("multihead", "houlsby", 4),
    ],
)
def test_adapters_in_networks_for_images(network: str, placement: Literal["pfeiffer", "houlsby"], count: int) -> None:
    model, before = BUILD[network](), copies(BUILD[network]())
    untrained = answers(model, images(), 8)
    Adapter(method="adapter", placement=placement, size=2).apply(model)
    assert len(describe_bottlenecks(model.backbone)["bottlenecks"]["layers"]) == count
    assert (answers(model, images(), 8) == untrained).all()  # they start by changing nothing
    some_steps(model, images())
    trained = answers(model, images(), 8)
    assert abs(trained - untrained).max() > 1e-3
    changed = {name for name, one in before.items() if not torch.equal(model.state_dict()[name], one)}
    assert changed == {"head.weight", "head.bias"}
    again = BUILD[network]()
    add_bottlenecks(again.backbone, **describe_bottlenecks(model.backbone)["bottlenecks"])
    again.load_state_dict(model.state_dict())
    assert (answers(again, images(), 8) == trained).all()


def test_each_adapter_has_a_gradient() -> None:
    model = BUILD["attention"]()
    Adapter(method="adapter", placement="houlsby", size=2).apply(model)
    model(images().batch(range(8))).square().sum().backward()
    ups = [one for name, one in model.named_parameters() if "bottleneck.up" in name]
    assert len(ups) == 2 * 16
    assert all(one.grad is not None and bool(one.grad.any()) for one in ups)


def test_convolutions_are_refused_and_have_another_way() -> None:
    with pytest.raises(ConfigError, match=r"'adapter', but this backbone has no feed-forward layers .*such as lora"):
        Adapter(method="adapter").apply(BUILD["convolutions"]())
    Lora(method="lora").apply(BUILD["convolutions"]())
