"""torchvision's whole models: the body, and what lies above it with its own weights, but for the class layers."""

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from torch import Tensor, nn
from torchvision.ops import FrozenBatchNorm2d

from finetrail.contents.image.backbones.state_dicts import read_state
from finetrail.contents.image.backbones.torchvision import fetch
from finetrail.contents.image.backbones.whole import Body, WholeModel, freeze_norms
from finetrail.contents.image.preprocessing import Preprocessing, overridden
from finetrail.contents.image.settings import ImageBackbone
from finetrail.errors import ModelError
from finetrail.locations import locate_weights
from finetrail.models.weights import refuse_unusable


@dataclass(frozen=True)
class Kind:
    """A detector or a segmentation model of torchvision.

    Attributes:
        image_size: pixels of the canvas where params.yaml names none.
        class_layers: what the start of the names of tensors is that belong to its own classes.
        body: the name of its body.
        fixed: whether torchvision resizes images for it to one size.
        of_pixels: whether it names the class of each pixel.
        exact: whether the norms of its COCO weights divide by the variance alone, without an epsilon.
    """

    image_size: int
    class_layers: tuple[str, ...]
    body: str = "backbone.body"
    fixed: bool = False
    of_pixels: bool = False
    exact: bool = False


_ONE_STAGE = Kind(800, ("head.classification_head.cls_logits.",))
_TWO_STAGES = Kind(800, ("roi_heads.box_predictor.",))
_MASKS = Kind(800, ("roi_heads.box_predictor.", "roi_heads.mask_predictor.mask_fcn_logits."))
_PIXELS = Kind(512, ("classifier.4.", "aux_classifier."), "backbone", of_pixels=True)
_SSD_LAYERS = tuple(f"head.classification_head.module_list.{level}.1." for level in range(6))
KINDS: Mapping[str, Kind] = {
    "fasterrcnn_resnet50_fpn": replace(_TWO_STAGES, exact=True),
    "fasterrcnn_resnet50_fpn_v2": _TWO_STAGES,
    "maskrcnn_resnet50_fpn": replace(_MASKS, exact=True),
    "maskrcnn_resnet50_fpn_v2": _MASKS,
    "retinanet_resnet50_fpn": replace(_ONE_STAGE, exact=True),
    "retinanet_resnet50_fpn_v2": _ONE_STAGE,
    "fcos_resnet50_fpn": _ONE_STAGE,
    "ssdlite320_mobilenet_v3_large": Kind(320, _SSD_LAYERS, "backbone.features", fixed=True),
    "fcn_resnet50": _PIXELS,
    "fcn_resnet101": _PIXELS,
    "deeplabv3_resnet50": _PIXELS,
    "deeplabv3_resnet101": _PIXELS,
    "deeplabv3_mobilenet_v3_large": _PIXELS,
    "lraspp_mobilenet_v3_large": replace(
        _PIXELS, class_layers=("classifier.low_classifier.", "classifier.high_classifier.")
    ),
}
"""By their names in torchvision."""


class _Pyramid(Body):
    """The body of a model that reads some of its maps by their names."""

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


def _divided(model: Any, kind: Kind) -> WholeModel:
    """A model in two parts: what lies above has its pyramid, or its coarser maps, for a backbone."""
    inner = model.get_submodule(kind.body)
    body: Body
    if kind.of_pixels:
        body, model.backbone = _Pyramid(inner), nn.Identity()
    elif kind.fixed:
        body, model.backbone = _InTurn(inner), _Extra(model.backbone.extra)
    else:
        body, model.backbone = _Pyramid(inner), model.backbone.fpn
    return WholeModel(body, lambda pyramid: model, of_pixels=kind.of_pixels)


def load(settings: ImageBackbone, root: Path) -> tuple[WholeModel, Preprocessing]:
    """Build a model with the weights that the settings name.

    Raises:
        ModelError: there are no such weights of it, or they do not fit.
        SourceError: the weights cannot be fetched.
    """
    import torchvision

    name, weights = settings.name, settings.weights
    if name not in KINDS:
        raise ModelError(f"{name!r} cannot be used whole; use one of {', '.join(KINDS)}")
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
        if KINDS[name].exact:
            _leave_out_epsilon(model)
    elif weights != "random":
        _put_in(model, settings, read_state(weights, locate_weights(weights, root)))
    size = KINDS[name].image_size
    own = Preprocessing(size, size, *_norms_of_pixels(model, enum), "bilinear")
    return _divided(model, KINDS[name]), overridden(own, settings)


def rebuild(name: str, image_size: int, folder: Path) -> WholeModel:
    """The model that `load` gave, without its weights."""
    return _divided(_build(name), KINDS[name])


def save(network: nn.Module, folder: Path) -> None:
    """A name and a size are all that `rebuild` needs."""


def _build(name: str) -> nn.Module:
    """A model of torchvision with random weights, whose batch norms stay as they are."""
    import torchvision

    model: nn.Module = torchvision.models.get_model(name, weights=None, weights_backbone=None)
    freeze_norms(model)
    return model


def _norms_of_pixels(model: Any, enum: Any) -> tuple[Any, Any]:
    """Mean and standard deviation of the channels that a model takes: detectors have them, others' weights."""
    own = getattr(model, "transform", None)
    if own is not None:
        return tuple(own.image_mean), tuple(own.image_std)
    of_weights = enum.DEFAULT.transforms()
    return tuple(of_weights.mean), tuple(of_weights.std)


def _leave_out_epsilon(model: nn.Module) -> None:
    """Let norms divide by their variances alone, as torchvision has it with these weights."""
    for norm in model.modules():
        if isinstance(norm, FrozenBatchNorm2d):
            norm.running_var -= norm.eps


def _put_in(model: nn.Module, settings: ImageBackbone, tensors: Mapping[str, Tensor]) -> None:
    """Put a file's tensors into a model; those of its classes are left out.

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
            f"{address!r} does not fit this model: {fault}; set backbone.name to the model that it was trained as"
        )
    refuse_unusable(kept, address)
