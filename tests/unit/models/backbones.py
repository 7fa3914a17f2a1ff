"""Settings of vision backbones in a word, and how they are refused."""

from pathlib import Path
from typing import Any

import pytest

from finetrail.contents.image.backbone import load_pretrained
from finetrail.contents.image.settings import ImageBackbone
from finetrail.errors import ModelError


def settings(name: str, weights: str | Path = "random", **given: Any) -> ImageBackbone:
    return ImageBackbone(name=name, weights=str(weights), **given)


def refusal(name: str, weights: str | Path = "random", **given: Any) -> str:
    with pytest.raises(ModelError) as caught:
        load_pretrained(settings(name, weights, **given), Path(), "pooled", ["image"])
    assert "\n" not in str(caught.value)
    return str(caught.value)
