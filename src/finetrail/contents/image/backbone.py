"""Vision backbones: a network of torchvision, timm or transformers without its head, one feature vector per image."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from importlib import import_module
from pathlib import Path
from typing import Any, Protocol, cast

import torch
from torch import Tensor, nn

from finetrail.contents.attack import Attacked
from finetrail.contents.content import Loaded
from finetrail.contents.explainable import Explainable
from finetrail.contents.exported import Exported, Graph, Outputs
from finetrail.contents.image import FINE_PYRAMID, PYRAMID, STRIDES
from finetrail.contents.image.backbones.whole import WholeModel
from finetrail.contents.image.fitted.settings import PyramidBackboneSettings
from finetrail.contents.image.preprocessing import Preprocessing
from finetrail.contents.image.processor import ImageProcessor
from finetrail.contents.image.settings import ImageBackbone
from finetrail.errors import ModelError
from finetrail.models.network import Batch, Network
from finetrail.workspace import read_json, write_json

_DESCRIPTION = "backbone.json"
# By the part of a backbone's name before the slash; torchvision's names have none.
_SOURCES = {
    "timm": "finetrail.contents.image.backbones.timm",
    "transformers": "finetrail.contents.image.backbones.transformers",
}
_TORCHVISION = "finetrail.contents.image.backbones.torchvision"
_TORCHVISION_WHOLE = "finetrail.contents.image.backbones.torchvision_whole"
_WHOLE = ("fasterrcnn_", "maskrcnn_", "retinanet_", "fcos_", "ssd300_", "ssdlite320_", "fcn_", "deeplabv3_", "lraspp_")
"""What the names of torchvision's detectors and segmentation models start with."""


class Source(Protocol):
    """A library of networks; its module is in folder `backbones`. A network of some is a `WholeModel`."""

    def load(self, settings: ImageBackbone, root: Path) -> tuple[nn.Module, Preprocessing]:
        """A network that maps images (B, 3, S, S) to features (B, D), with its weights and its preprocessing."""
        ...

    def rebuild(self, name: str, image_size: int, folder: Path) -> nn.Module:
        """The same network without weights, from what `save` wrote to `folder`."""
        ...

    def save(self, network: nn.Module, folder: Path) -> None:
        """Write what `rebuild` needs besides the name and the size."""
        ...


class VisionBackbone(nn.Module):
    """A network that takes pixels as they are in memory.

    Args:
        network: maps normalised images (B, 3, S, S) to features (B, D).
        name: of the network, as in params.yaml.
        preprocessing: its mean and std are applied on the network's device.
    """

    scale: Tensor
    shift: Tensor

    def __init__(self, network: nn.Module, name: str, preprocessing: Preprocessing) -> None:
        super().__init__()
        # Convolutions run up to twice as fast when a pixel's channels lie side by side; no other layer is slower.
        self.network = network.to(memory_format=torch.channels_last)
        self.name = name
        mean, std = (torch.tensor(values).view(1, 3, 1, 1) for values in (preprocessing.mean, preprocessing.std))
        # They belong to the preprocessing, so they are not saved with the weights.
        self.register_buffer("scale", 1 / (255 * std), persistent=False)
        self.register_buffer("shift", -mean / std, persistent=False)

    def forward(self, batch: Batch) -> Tensor:
        """Features (B, D) of a batch with RGB pixels (B, 3, H, W) in 0..255, uint8 or float32."""
        pixels = batch["pixels"].contiguous(memory_format=torch.channels_last).float()
        features: Tensor = self.network(pixels * self.scale + self.shift)
        return features


def load_pretrained(settings: ImageBackbone, root: Path, features: str, columns: Sequence[str]) -> Loaded:
    """Fetch a pretrained network, without its head; see `finetrail.contents.content.Networks`.

    Raises:
        ConfigError: image size and resize contradict each other.
        ModelError: there is no such model, or weights and model do not fit, or it gives no feature vector.
        SourceError, IntegrityError: see `finetrail.locations.locate`.
    """
    network, preprocessing = _source(settings.name).load(settings, root)
    if features in STRIDES:
        preprocessing = replace(preprocessing, aspect=cast(PyramidBackboneSettings, settings).aspect)
    return _loaded(network, settings.name, preprocessing, features)


def load_saved(described: Mapping[str, Any], folder: Path, features: str, columns: Sequence[str]) -> Loaded:
    """Rebuild a backbone, without weights and without any network, from what `save` wrote.

    Raises:
        ModelError: a file is missing or damaged, or the library no longer knows the model.
    """
    try:
        written: dict[str, Any] = read_json(folder / _DESCRIPTION)
        values = written["preprocessing"]
        lists = {name: tuple(value) for name, value in values.items() if isinstance(value, list)}
        preprocessing = Preprocessing(**(values | lists))
        name = str(written["name"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        cause = " ".join(f"{type(error).__name__}: {error}".split())[:200]
        raise ModelError(
            f"{folder} is not a complete model ({cause}); `dvc checkout` restores a tracked model"
        ) from error
    return _loaded(_source(name).rebuild(name, preprocessing.image_size, folder), name, preprocessing, features)


def save(network: nn.Module, processor: Any, settings: ImageBackbone, folder: Path) -> dict[str, Any]:
    """Write what `load_saved` needs besides the weights; equal models are equal bytes."""
    backbone: Any = network
    folder.mkdir(parents=True, exist_ok=True)
    write_json(folder / _DESCRIPTION, {"name": backbone.name, "preprocessing": asdict(processor.preprocessing)})
    _source(backbone.name).save(backbone.network, folder)
    return settings.model_dump(mode="json")


def export(network: Network, processor: Any, folder: Path, outputs: Outputs) -> Exported:
    """Write the model for the library of its network; see `finetrail.contents.content.Networks`."""
    from finetrail.contents.image.export import export_images
    from finetrail.contents.image.fitted.export import export_fitted

    if outputs.told is not None:
        return export_fitted(network, processor, folder, outputs.told, outputs.names)
    _refuse_pyramid(network)
    return export_images(network, processor, folder, outputs)


def explainable(network: Network, processor: Any, content: Any) -> list[Explainable]:
    """A row, ready for gradients at its pixels; see `finetrail.contents.content.Networks`."""
    from finetrail.contents.image.explaining import explainable_images

    return explainable_images(network, processor, content)


def attack(
    name: str, attacked: Attacked, batch: Batch, epsilons: Sequence[int], seeds: Sequence[int]
) -> Iterator[Batch]:
    """Change a batch so that the loss rises; see `finetrail.contents.content.Networks`."""
    from finetrail.contents.image.attacks import attack

    return attack(name, attacked, batch, epsilons, seeds)


def graph(network: Network, processor: Any, folder: Path, outputs: Outputs) -> Graph:
    """The model as a function of pixels; see `finetrail.contents.content.Networks`."""
    from finetrail.contents.image.export_onnx import graph_of_images
    from finetrail.contents.image.fitted.export_onnx import graph_of_fitted

    if outputs.told is not None:
        return graph_of_fitted(network, processor, folder, outputs.told)
    _refuse_pyramid(network)
    return graph_of_images(network, processor, folder, outputs)


def _loaded(network: Any, name: str, preprocessing: Preprocessing, features: str) -> Loaded:
    """A network with what it reads.

    Raises:
        ModelError: it gives no such features.
    """
    whole = isinstance(network, WholeModel)
    if whole and features != (FINE_PYRAMID if network.of_pixels else PYRAMID):
        what = "names the class of each pixel" if network.of_pixels else "finds objects in images"
        raise ModelError(f"{name!r} is a whole model, which {what}; use another backbone here, such as resnet50")
    if whole and preprocessing.aspect != (1, 1):
        raise ModelError(f"{name!r} is a whole model, whose canvas is a square; leave out backbone.aspect")
    if features not in STRIDES:
        backbone = VisionBackbone(network, name, preprocessing)
        return Loaded(backbone, ImageProcessor(preprocessing), _width(backbone, preprocessing.image_size))
    from finetrail.contents.image.fitted.backbone import PyramidBackbone, WholeBackbone
    from finetrail.contents.image.fitted.processor import FittedProcessor

    if not whole:
        maps = PyramidBackbone(network, name, preprocessing, STRIDES[features])
        return Loaded(maps, FittedProcessor(preprocessing), maps.pyramid)
    body = WholeBackbone(network.body, name, preprocessing)
    width = replace(body.pyramid, above=network.above(body.pyramid))
    return Loaded(body, FittedProcessor(preprocessing), width)


def _refuse_pyramid(network: Network) -> None:
    """Raise ModelError for a network with a head on several maps, whose target tells no answers of graphs."""
    if not network.divisible:
        raise ModelError(
            "a model that names places in images cannot be exported yet; serve the version with `mlflow models "
            "serve`, or score files with `finetrail predict`"
        )


def _source(name: str) -> Source:
    own = _TORCHVISION_WHOLE if name.startswith(_WHOLE) else _TORCHVISION
    return cast(Source, import_module(_SOURCES.get(name.split("/", maxsplit=1)[0], own)))


def _width(backbone: VisionBackbone, image_size: int) -> int:
    """D, measured on a black image, which also shows whether the network takes images of this size."""
    backbone.eval()
    try:
        with torch.no_grad():
            features = backbone({"pixels": torch.zeros(1, 3, image_size, image_size, dtype=torch.uint8)})
    except (RuntimeError, ValueError, AssertionError, TypeError) as error:
        cause = " ".join(str(error).split())[:200]
        raise ModelError(
            f"{backbone.name!r} does not accept images of {image_size} x {image_size} pixels ({cause}); "
            "change backbone.image_size, or use another backbone"
        ) from error
    if not isinstance(features, Tensor) or features.ndim != 2:
        raise ModelError(f"{backbone.name!r} produces no feature vector for an image; use another, such as resnet50")
    return int(features.shape[1])
