"""A backbone's own view of an image, and what params.yaml lays over it."""

from typing import Any

import pytest
from pydantic import ValidationError

from finetrail.contents.image.preprocessing import Preprocessing, overridden
from finetrail.contents.image.settings import ImageBackbone
from finetrail.errors import ConfigError

OWN = Preprocessing(224, 256, (0.4, 0.5, 0.6), (0.1, 0.2, 0.3), "bicubic")


def settings(**given: Any) -> ImageBackbone:
    return ImageBackbone(name="resnet18", weights="random", **given)


@pytest.mark.parametrize(
    ("given", "sizes"),
    [
        ({}, (224, 256)),
        ({"image_size": 64}, (64, 64)),
        ({"image_size": 224}, (224, 224)),
        ({"image_size": 64, "resize": 72}, (64, 72)),
        ({"resize": 232}, (224, 232)),
    ],
)
def test_sizes(given: dict[str, Any], sizes: tuple[int, int]) -> None:
    found = overridden(OWN, settings(**given))
    assert (found.image_size, found.resize) == sizes
    assert (found.mean, found.std, found.interpolation) == (OWN.mean, OWN.std, "bicubic")


def test_normalisation() -> None:
    mean, std = (0.0, 0.1, 0.2), (1.0, 0.9, 0.8)
    assert overridden(OWN, settings(mean=mean)) == Preprocessing(224, 256, mean, OWN.std, "bicubic")
    assert overridden(OWN, settings(std=std)) == Preprocessing(224, 256, OWN.mean, std, "bicubic")
    assert overridden(OWN, settings(mean=list(mean), std=list(std))).mean == mean  # as YAML has it


@pytest.mark.parametrize("given", [{"resize": 200}, {"image_size": 64, "resize": 32}])
def test_a_crop_larger_than_the_image_is_refused(given: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match=r"backbone\.resize is \d+, less than the \d+ pixels that the backbone gets"):
        overridden(OWN, settings(**given))


@pytest.mark.parametrize("std", [(0.0, 1.0, 1.0), (1.0, -1.0, 1.0), (1.0, 1.0)])
def test_a_spread_that_cannot_be_divided_by_is_refused(std: Any) -> None:
    with pytest.raises(ValidationError):
        settings(std=std)


@pytest.mark.parametrize("weights", ["DEFAULT", "IMAGENET1K_V1", "pretrained", "random"])
def test_names_of_weights_are_no_addresses(weights: str) -> None:
    assert ImageBackbone(name="resnet18", weights=weights).weights_address is None


@pytest.mark.parametrize("weights", ["data/weights/a.pt", "hf://timm/resnet18", "pypi://a==1/b.pt#sha256=0", "a.pt"])
def test_paths_and_addresses_are_told_from_names(weights: str) -> None:
    assert ImageBackbone(name="resnet18", weights=weights).weights_address == weights
