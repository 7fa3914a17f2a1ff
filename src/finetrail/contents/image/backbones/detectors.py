"""torchvision's whole detectors: the body, and what lies above it with its own weights, but for the class layer."""

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from finetrail.contents.image.backbones.state_dicts import read_state
from finetrail.contents.image.backbones.torchvision import fetch
from finetrail.contents.image.backbones.whole import Body, WholeDetector, freeze_norms
from finetrail.contents.image.preprocessing import Preprocessing, overridden
from finetrail.contents.image.settings import ImageBackbone
from finetrail.errors import ModelError
from finetrail.locations import locate_weights
from finetrail.models.weights import refuse_unusable


@dataclass(frozen=True)
class Kind:
    """A detector of torchvision.

    Attributes:
        image_size: pixels of the canvas where params.yaml names none.
        class_layers: what the start of the names of tensors is that belong to its own classes.
        body: the name of its body.
        fixed: whether torchvision resizes images for it to one size.
    """

    image_size: int
    class_layers: tuple[str, ...]
    body: str = "backbone.body"
    fixed: bool = False


_ONE_STAGE = Kind(800, ("head.classification_head.cls_logits.",))
_TWO_STAGES = Kind(800, ("roi_heads.box_predictor.",))
_SSD_LAYERS = tuple(f"head.classification_head.module_list.{level}.1." for level in range(6))
KINDS: Mapping[str, Kind] = {
    "fasterrcnn_resnet50_fpn": _TWO_STAGES,
    "fasterrcnn_resnet50_fpn_v2": _TWO_STAGES,
    "retinanet_resnet50_fpn": _ONE_STAGE,
    "retinanet_resnet50_fpn_v2": _ONE_STAGE,
    "fcos_resnet50_fpn": _ONE_STAGE,
    "ssdlite320_mobilenet_v3_large": Kind(320, _SSD_LAYERS, "backbone.features", fixed=True),
}
"""By their names in torchvision."""


class _Pyramid(Body):
    """The body of a detector with a feature pyramid."""

    library = "torchvision"

    def __init__(self, body: nn.Module) -> None:
        super().__init__()
        self.body = body

    def maps(self, images: Tensor) -> list[Tensor]:
        return list(self.body(images).values())


class _InTurn(_Pyramid):
    """The body of SSDLite, each of whose parts gives a map of the one before it."""

    def maps(self, images: Tensor) -> list[Tensor]:
        found: list[Tensor] = []
        for part in self.body.children():
            found.append(part(found[-1] if found else images))
        return found


class _Extra(nn.Module):
    """The coarser maps of SSDLite, one of the other."""

    def __init__(self, blocks: nn.ModuleList) -> None:
        super().__init__()
        self.extra = blocks

    def forward(self, maps: OrderedDict[str, Tensor]) -> OrderedDict[str, Tensor]:
        found = OrderedDict(maps)
        for block in self.extra:
            found[str(len(found))] = block(found[str(len(found) - 1)])
        return found


def _divided(model: Any, kind: Kind) -> WholeDetector:
    """A detector in two parts: what lies above has its pyramid, or its coarser maps, for a backbone."""
    inner = model.get_submodule(kind.body)
    body: Body
    if kind.fixed:
        body, model.backbone = _InTurn(inner), _Extra(model.backbone.extra)
    else:
        body, model.backbone = _Pyramid(inner), model.backbone.fpn
    return WholeDetector(body, lambda pyramid: model)


def load(settings: ImageBackbone, root: Path) -> tuple[WholeDetector, Preprocessing]:
    """Build a detector with the weights that the settings name.

    Raises:
        ModelError: there are no such weights of it, or they do not fit.
        SourceError: the weights cannot be fetched.
    """
    import torchvision

    name, weights = settings.name, settings.weights
    if name not in KINDS:
        raise ModelError(f"{name!r} is no detector that can be used whole; use one of {', '.join(KINDS)}")
    enum: Any = torchvision.models.get_model_weights(name)
    if weights not in (*enum.__members__, "random") and settings.weights_address is None:
        raise ModelError(
            f"{name!r} has no weights {weights!r}; use one of {', '.join(enum.__members__)}, `random`, or the address "
            "of a file"
        )
    if settings.match == "order":
        raise ModelError(f"{name!r} takes weights by their names alone; leave backbone.match out")
    model: Any = _build(name)
    if weights in enum.__members__:
        _put_in(model, settings, fetch(name, enum[weights]))
    elif weights != "random":
        _put_in(model, settings, read_state(weights, locate_weights(weights, root)))
    size = KINDS[name].image_size
    mean, std = (tuple(getattr(model.transform, f"image_{what}")) for what in ("mean", "std"))
    own = Preprocessing(size, size, mean, std, "bilinear")
    return _divided(model, KINDS[name]), overridden(own, settings)


def rebuild(name: str, image_size: int, folder: Path) -> WholeDetector:
    """The detector that `load` gave, without its weights."""
    return _divided(_build(name), KINDS[name])


def save(network: nn.Module, folder: Path) -> None:
    """A name and a size are all that `rebuild` needs."""


def _build(name: str) -> nn.Module:
    """A detector of torchvision with random weights, whose batch norms stay as they are."""
    import torchvision

    model: nn.Module = torchvision.models.get_model(name, weights=None, weights_backbone=None)
    freeze_norms(model)
    return model


def _put_in(model: nn.Module, settings: ImageBackbone, tensors: Mapping[str, Tensor]) -> None:
    """Put a file's tensors into a detector; those of its classes are left out.

    torchvision renames tensors of older files while it loads them.
    """
    kind, address = KINDS[settings.name], settings.weights.partition("#")[0]
    kept = {name: tensor for name, tensor in tensors.items() if not name.startswith(kind.class_layers)}
    try:
        missing, unknown = model.load_state_dict(kept, strict=False)
        lacking = [name for name in missing if not name.startswith(kind.class_layers)]
        fault = f"it has no {lacking[0]}" if lacking else f"{unknown[0]} has no place there" if unknown else ""
    except RuntimeError as error:  # shapes differ
        fault = str(error).splitlines()[-1].strip()
    if fault:
        raise ModelError(
            f"{address!r} does not fit this detector: {fault}; set backbone.name to the model that it was trained as"
        )
    refuse_unusable(kept, address)
