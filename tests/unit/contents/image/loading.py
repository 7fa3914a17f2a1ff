"""Backbones of images as tests load, write and rebuild them: the network, its preprocessing and its width."""

from pathlib import Path
from typing import Any, cast

from finetrail.contents.content import Loaded
from finetrail.contents.image.backbone import VisionBackbone, load_pretrained, load_saved, save
from finetrail.contents.image.preprocessing import Preprocessing
from finetrail.contents.image.processor import ImageProcessor
from finetrail.contents.image.settings import ImageBackbone

Parts = tuple[VisionBackbone, Preprocessing, int]


def fetch(settings: ImageBackbone, root: Path | None = None) -> Parts:
    """Args: root: the workspace."""
    return _parts(load_pretrained(settings, root or Path(), "pooled", ["image"]))


def write(backbone: VisionBackbone, preprocessing: Preprocessing, folder: Path) -> dict[str, Any]:
    """What `save` returns."""
    return save(backbone, ImageProcessor(preprocessing), ImageBackbone(name=backbone.name, weights="random"), folder)


def rebuild(folder: Path) -> Parts:
    """Without weights."""
    return _parts(load_saved({}, folder, "pooled", ["image"]))


def _parts(loaded: Loaded) -> Parts:
    return cast(VisionBackbone, loaded.network), cast(ImageProcessor, loaded.processor).preprocessing, loaded.width
