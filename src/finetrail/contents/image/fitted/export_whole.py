"""A whole detector of torchvision that was fine-tuned, as torchvision's own model: a state dict that it loads."""

from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from finetrail.contents.exported import TOLERANCE, Exported, check_apart
from finetrail.contents.image.backbones.torchvision_whole import KINDS
from finetrail.contents.image.backbones.whole import unfrozen
from finetrail.contents.image.fitted.cards import Runtime, exported
from finetrail.contents.image.preprocessing import Preprocessing
from finetrail.models.network import Network
from finetrail.models.told import Told
from finetrail.models.weights import load_tensors, save_tensors
from finetrail.workspace import write_json

_WEIGHTS = "model.safetensors"


def export_whole(network: Network, processor: Any, folder: Path, told: Told, names: list[str]) -> Exported:
    """Write the weights by torchvision's names, and compare its own model's answers.

    Raises:
        ModelError: they differ.
    """
    import torchvision

    backbone: Any = network.backbone
    own: Preprocessing = processor.preprocessing
    library: Any = told.library
    name, size, first = backbone.name, own.image_size, library.first
    options = {"num_classes": len(names) + first, **library.options}
    options |= {"image_mean": list(own.mean), "image_std": list(own.std)}
    fixed = KINDS[name].fixed
    options |= {} if fixed else {"min_size": size, "max_size": size}
    theirs: Any = torchvision.models.get_model(name, weights=None, weights_backbone=None, **options).eval()
    if fixed:
        theirs.transform.fixed_size = (size, size)
    body = {f"{KINDS[name].body}.{key}": one for key, one in backbone.network.body.state_dict().items()}
    tensors = unfrozen(theirs, body | dict(library.state(network.head)))
    save_tensors(tensors, folder / _WEIGHTS, {"format": "pt"})
    theirs.load_state_dict(load_tensors(folder / _WEIGHTS))
    pixels = torch.randint(0, 256, (1, 3, size, size), generator=torch.Generator().manual_seed(0), dtype=torch.uint8)
    with torch.no_grad():
        found = theirs([pixels[0] / 255])[0]
        ours = told.module(network({"pixels": pixels}))
    check_apart(told.apart(ours, _filled(found, len(ours[0]), first)), "hf", TOLERANCE)
    write_json(folder / "labels.json", names)
    said = ", ".join(f"{key}={value}" for key, value in options.items())
    resized = f"model.transform.fixed_size = ({size}, {size})\n" if fixed else ""
    opens = f"""model = torchvision.models.get_model(
    "{name}", weights=None, weights_backbone=None,
    {said},
).eval()
{resized}model.load_state_dict(load_file("{_WEIGHTS}"))

def detect(pixels):
    with torch.no_grad():
        (one,) = model([torch.from_numpy(pixels[0])])
    return one["boxes"].numpy(), one["labels"].numpy() - {first}, one["scores"].numpy()"""
    runtime = Runtime("torchvision", ("torch", "torchvision", "safetensors"), opens, "detect(pixels)", normalised=False)
    return exported(own, told, runtime)


def _filled(found: dict[str, Tensor], most: int, first: int) -> tuple[Tensor, Tensor, Tensor]:
    """Boxes, numbers and scores of an image, filled up with zeros as a graph has them."""
    boxes, labels, scores = (found[key] for key in ("boxes", "labels", "scores"))
    rest = most - len(scores)
    return (
        functional.pad(boxes, (0, 0, 0, rest)),
        functional.pad(labels - first, (0, rest)),
        functional.pad(scores, (0, rest)),
    )
