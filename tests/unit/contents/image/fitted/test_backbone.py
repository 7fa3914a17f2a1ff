"""Maps of three resolutions from any convolutional backbone, as one vector that is the same wherever it is computed."""

import copy
from pathlib import Path
from typing import Any

import pytest
import torch
from pydantic import ValidationError

from finetrail.contents.content import Loaded
from finetrail.contents.image import IMAGE, PYRAMID
from finetrail.contents.image.backbone import load_pretrained, load_saved, save
from finetrail.contents.image.fitted.settings import PlacedAugment, PyramidBackboneSettings
from finetrail.errors import ModelError
from finetrail.models.pyramid import Pyramid


def loaded(name: str, size: int = 64, aspect: tuple[int, int] = (1, 1)) -> Loaded:
    torch.manual_seed(0)
    settings = PyramidBackboneSettings(name=name, weights="random", image_size=size, aspect=aspect)
    return load_pretrained(settings, Path(), PYRAMID, ["image"])


@pytest.mark.parametrize("name", ["timm/test_resnet", "mobilenet_v2", "resnet50"])
def test_the_maps_are_the_last_of_each_resolution(name: str) -> None:
    one = loaded(name)
    pyramid: Pyramid = one.width
    assert pyramid.strides == (8, 16, 32)
    assert [shape[1:] for shape in pyramid.shapes] == [(8, 8), (4, 4), (2, 2)]
    batch = {"pixels": torch.randint(0, 256, (2, 3, 64, 64), dtype=torch.uint8)}
    network: Any = one.network.eval()
    shapes: list[tuple[int, ...]] = []
    for tap in network.taps:
        network.network.get_submodule(tap).register_forward_hook(lambda *call: shapes.append(tuple(call[2].shape[1:])))
    with torch.no_grad():
        features = network(batch)
        assert tuple(shapes) == pyramid.shapes, "each is called once, and gives the map that it is taken for"
        assert features.shape == (2, pyramid.width)
        torch.testing.assert_close(Pyramid.packed(pyramid.maps(features)), features, rtol=0, atol=0)
        torch.testing.assert_close(copy.deepcopy(network)(batch), features, rtol=0, atol=0)
        torch.testing.assert_close(network({"pixels": batch["pixels"][1:]}), features[1:], rtol=1e-3, atol=1e-3)


def test_a_saved_one_has_the_same_maps(tmp_path: Path) -> None:
    one = loaded("timm/test_resnet", aspect=(2, 1))
    settings = PyramidBackboneSettings(name="timm/test_resnet", weights="random", image_size=64, aspect=(2, 1))
    described = save(one.network, one.processor, settings, tmp_path)
    again = load_saved(described, tmp_path, PYRAMID, ["image"])
    again.network.load_state_dict(one.network.state_dict())
    assert again.width == one.width
    assert [shape[1:] for shape in again.width.shapes] == [(4, 8), (2, 4), (1, 2)]
    batch = {"pixels": torch.zeros(1, 3, 32, 64, dtype=torch.uint8)}
    with torch.no_grad():
        torch.testing.assert_close(again.network.eval()(batch), one.network.eval()(batch), rtol=0, atol=0)


def test_a_backbone_of_one_resolution_is_refused_with_one_that_works() -> None:
    with pytest.raises(ModelError, match=r"has no maps of 8, 16, 32 pixels a place.*such as mobilenet_v2 or resnet50"):
        loaded("timm/test_vit", 160)


def test_a_backbone_whose_own_size_does_not_fit_says_which_does() -> None:
    settings = PyramidBackboneSettings(name="efficientnet_b1", weights="random")
    with pytest.raises(ModelError, match=r"takes images of 240 pixels, which 32 does not divide; set .* to 256"):
        load_pretrained(settings, Path(), PYRAMID, ["image"])


def test_sizes_that_do_not_fit_are_refused_with_one_that_does() -> None:
    assert IMAGE.backbone(PYRAMID) is PyramidBackboneSettings
    with pytest.raises(ValidationError, match="image_size is 300, which 32 does not divide; use 288"):
        PyramidBackboneSettings(name="resnet18", weights="random", image_size=300)
    assert PyramidBackboneSettings(name="resnet18", weights="random", image_size=288).image_size == 288
    with pytest.raises(ValidationError, match="resize is 320, but whole images are fitted into image_size"):
        PyramidBackboneSettings(name="resnet18", weights="random", image_size=288, resize=320)
    with pytest.raises(ValidationError, match=r"aspect is \[4, 0\]; give .* such as \[4, 3\]"):
        PyramidBackboneSettings(name="resnet18", weights="random", aspect=(4, 0))
    with pytest.raises(ValidationError, match=r"scale is \[2, 1\]"):
        PlacedAugment(scale=(2, 1))
