"""Export an image model as its own library stores one: a folder for timm, torchvision or transformers."""

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor, nn

from finetrail.contents.exported import Exported, Outputs, check, describe
from finetrail.contents.image.backbone import VisionBackbone
from finetrail.contents.image.export_asked import NOTE, OPENED, asked, cuts_as_transformers, of_paths
from finetrail.contents.image.preprocessing import Preprocessing
from finetrail.contents.image.processor import ImageProcessor
from finetrail.errors import ModelError
from finetrail.models.network import Network
from finetrail.models.weights import load_tensors, save_tensors
from finetrail.workspace import write_json

WEIGHTS = "model.safetensors"
RESAMPLE = {"nearest": 0, "lanczos": 1, "bilinear": 2, "bicubic": 3, "box": 4, "hamming": 5}  # Pillow's numbers


@dataclass(frozen=True)
class _Model:
    """What an export writes."""

    backbone: VisionBackbone
    head: nn.Linear
    own: Preprocessing
    outputs: Outputs


def export_images(network: Network, processor: ImageProcessor, folder: Path, outputs: Outputs) -> Exported:
    """Write weights (head included), configuration and preprocessing, and read them back to compare.

    Raises:
        ModelError: the library's own model has no linear head of that width; see also `check`.
    """
    backbone = cast(VisionBackbone, network.backbone)
    model = _Model(backbone, cast(nn.Linear, network.head), processor.preprocessing, outputs)
    write = {"timm": _timm, "transformers": _transformers}.get(backbone.name.split("/", maxsplit=1)[0], _torchvision)
    theirs, done = write(model, folder)
    size = processor.preprocessing.image_size
    pixels = torch.randint(0, 256, (2, 3, size, size), generator=torch.Generator().manual_seed(0), dtype=torch.uint8)
    with torch.no_grad():
        answers = theirs.eval()(pixels.float() * backbone.scale + backbone.shift)
        check(network({"pixels": pixels}), answers, "hf")
    return done


def reads(own: Preprocessing) -> str:
    """Say in a sentence how much of an image a model with this preprocessing sees."""
    side = own.image_size
    return f"It sees the central {side} x {side} pixels of an image, after its shorter side is resized to {own.resize}."


def with_head(
    whole: Mapping[str, Tensor], state: Mapping[str, Tensor], head: nn.Linear, name: str
) -> dict[str, Tensor]:
    """The tensors of a network and its head, under the names of a model that has both.

    Args:
        whole: the tensors of such a model, for their names and shapes.
        state: the tensors of the network without its head.

    Raises:
        ModelError: the tensors that the network lacks are not a weight and a bias of the head's shape.
    """
    mine = {".weight": head.weight, ".bias": head.bias}
    missing = sorted(whole.keys() - state.keys())
    fits = {key: mine[f".{key.rpartition('.')[2]}"] for key in missing if key.endswith(tuple(mine))}
    if (
        len(missing) != 2
        or state.keys() - whole.keys()
        or [whole[key].shape for key in missing] != [fits[key].shape if key in fits else None for key in missing]
        or len({key.rpartition(".")[0] for key in missing}) != 1
    ):
        raise ModelError(
            f"{name!r} has no single linear head in its own library, so this model cannot be exported to it; "
            "use --format onnx"
        )
    return {**state, **fits}


def _torchvision(model: _Model, folder: Path) -> tuple[nn.Module, Exported]:
    import torchvision

    name, own, names = model.backbone.name, model.own, model.outputs.names
    sized = ""
    given: dict[str, Any] = {}
    if name.startswith("vit_"):
        given, sized = {"image_size": own.image_size}, f", image_size={own.image_size}"
    elif name.startswith("maxvit_"):
        given, sized = {"input_size": (own.image_size,) * 2}, f", input_size=({own.image_size}, {own.image_size})"
    network: nn.Module = torchvision.models.get_model(name, weights=None, num_classes=len(names), **given)
    _save(with_head(network.state_dict(), model.backbone.network.state_dict(), model.head, name), folder)
    write_json(folder / "labels.json", names)
    network.load_state_dict(load_tensors(folder / WEIGHTS))
    opens = f"""import json
import torch, torchvision
from PIL import Image, ImageOps
from safetensors.torch import load_file
from torchvision.transforms import CenterCrop, Compose, InterpolationMode, Normalize, Resize, ToTensor

model = torchvision.models.get_model("{name}", num_classes={len(names)}{sized}).eval()
model.load_state_dict(load_file("{WEIGHTS}"))
view = Compose([
    Resize({own.resize}, InterpolationMode("{own.interpolation}")), CenterCrop({own.image_size}), ToTensor(),
    Normalize({list(own.mean)}, {list(own.std)}),
])
"""
    answers = f"""with torch.no_grad():
    logits = model(torch.stack([view({OPENED}) for path in paths]))
{model.outputs.printed_by_file}
"""
    snippet = of_paths(opens, answers, model.outputs.named("labels"))
    return network, Exported("torchvision", ("torchvision", "safetensors"), snippet, reads(own), asked(own), NOTE)


def _timm(model: _Model, folder: Path) -> tuple[nn.Module, Exported]:
    import timm

    name, own, names = model.backbone.name.removeprefix("timm/").partition(".")[0], model.own, model.outputs.names
    base: Any = model.backbone.network
    # A network that is bound to an image size must be built for this one, not for its default.
    arguments = {"img_size": own.image_size} if hasattr(base, "set_input_size") else {}
    like = timm.create_model(name, num_classes=len(names), **arguments)
    _save(with_head(like.state_dict(), base.state_dict(), model.head, model.backbone.name), folder)
    kept = ("first_conv", "classifier", "pool_size", "fixed_input_size")
    described = {key: like.pretrained_cfg[key] for key in kept if key in like.pretrained_cfg}
    described |= {
        "input_size": [3, own.image_size, own.image_size],
        "mean": list(own.mean),
        "std": list(own.std),
        "interpolation": own.interpolation,
        # timm divides by this and rounds down to get the resize; the 0.5 keeps it from losing a pixel.
        "crop_pct": own.image_size / (own.resize + 0.5) if own.resize != own.image_size else 1.0,
        "crop_mode": "center",
        "num_classes": len(names),
    }
    config = {"architecture": name, "num_classes": len(names), "num_features": model.head.in_features}
    write_json(
        folder / "config.json",
        config | {"label_names": names, "model_args": arguments, "pretrained_cfg": described},
    )
    opens = """import timm, torch
from PIL import Image, ImageOps
from timm.data import create_transform, resolve_model_data_config

model = timm.create_model("local-dir:.", pretrained=True).eval()
view = create_transform(**resolve_model_data_config(model), is_training=False)
"""
    named = 'model.pretrained_cfg["label_names"]'
    answers = f"""with torch.no_grad():
    logits = model(torch.stack([view({OPENED}) for path in paths]))
{model.outputs.printed(named)}
"""
    snippet = of_paths(opens, answers, model.outputs.named(named))
    again = timm.create_model(f"local-dir:{folder}", pretrained=True)
    return again, Exported("timm", ("timm",), snippet, reads(own), asked(own), NOTE, pipes=True)


def _transformers(model: _Model, folder: Path) -> tuple[nn.Module, Exported]:
    from transformers import AutoModelForImageClassification

    source: Any = model.backbone.network
    own = model.own
    config = copy.deepcopy(source.model.config)
    describe(config, model.outputs)
    try:
        like = AutoModelForImageClassification.from_config(config, dtype=torch.float32, trust_remote_code=False)
    except ValueError as error:
        raise ModelError(
            f"transformers has no image classifier for {config.model_type!r}; use --format onnx"
        ) from error
    own_names = source.model.state_dict()
    like.load_state_dict(with_head(like.state_dict(), own_names, model.head, model.backbone.name))
    like.save_pretrained(folder)
    write_json(
        folder / "preprocessor_config.json",
        {
            "image_processor_type": "BitImageProcessor",  # it does exactly these steps
            "do_convert_rgb": True,
            "do_resize": True,
            "size": {"shortest_edge": own.resize},
            "resample": RESAMPLE[own.interpolation],
            "do_center_crop": True,
            "crop_size": {"height": own.image_size, "width": own.image_size},
            "do_rescale": True,
            "rescale_factor": 1 / 255,
            "do_normalize": True,
            "image_mean": list(own.mean),
            "image_std": list(own.std),
        },
    )
    options = "".join(f", {key}={value}" for key, value in source.options.items())
    opens = """import torch
from PIL import Image, ImageOps
from transformers import AutoImageProcessor, AutoModelForImageClassification

processor = AutoImageProcessor.from_pretrained(".", backend="pil", trust_remote_code=False)
model = AutoModelForImageClassification.from_pretrained(".", trust_remote_code=False).eval()
"""
    named = "model.config.id2label"
    answers = f"""with torch.no_grad():
    images = [{OPENED} for path in paths]
    logits = model(**processor(images, return_tensors="pt"){options}).logits
{model.outputs.printed(named)}
"""
    snippet = of_paths(opens, answers, model.outputs.named(named))
    again = AutoModelForImageClassification.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
    note = "Where an odd number of pixels is cut off, its centre crop may be one pixel off the one in training. "
    packages = ("transformers", "torch", "pillow")
    asking, pipes = asked(own, cuts_as_transformers), not source.options  # a pipeline takes none
    said = Exported("transformers", packages, snippet, reads(own), asking, note + NOTE, pipes)
    return _With(again, source.options), said


class _With(nn.Module):
    """A model that is always called with the same options."""

    def __init__(self, model: nn.Module, options: dict[str, bool]) -> None:
        super().__init__()
        self.model = model
        self.options = options

    def forward(self, pixels: Tensor) -> Tensor:
        logits: Tensor = self.model(pixel_values=pixels, **self.options).logits
        return logits


def _save(tensors: dict[str, Tensor], folder: Path) -> None:
    save_tensors(tensors, folder / WEIGHTS, {"format": "pt"})
