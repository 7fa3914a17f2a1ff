"""An image model as a function of plain tensors, for ONNX."""

from pathlib import Path
from typing import cast

import torch
from torch import Tensor, nn

from finetrail.contents.exported import Exported, Graph, Outputs, Snippet
from finetrail.contents.image.backbone import VisionBackbone
from finetrail.contents.image.export import reads
from finetrail.contents.image.export_asked import NOTE, OPENED, asked, of_paths
from finetrail.contents.image.preprocessing import Preprocessing
from finetrail.contents.image.processor import ImageProcessor
from finetrail.models.network import Network
from finetrail.workspace import write_json


def graph_of_images(network: Network, processor: ImageProcessor, folder: Path, outputs: Outputs) -> Graph:
    """The model as a function of normalised pixels, for ONNX; writes the preprocessing."""
    own = processor.preprocessing
    write_json(folder / "preprocessing.json", vars(own))
    noise = torch.Generator().manual_seed(0)
    size = own.image_size
    probes = [{"pixels": torch.randn(number, 3, size, size, generator=noise)} for number in (2, 3, 1)]
    packages = ("onnxruntime", "numpy", "pillow")
    said = Exported("onnx", packages, _onnx_snippet(own, outputs), reads(own), asked(own), NOTE)
    return Graph(_Plain(network), probes, {0: "batch"}, said)


class _Plain(nn.Module):
    """A model that takes normalised pixels."""

    def __init__(self, network: Network) -> None:
        super().__init__()
        backbone = cast(VisionBackbone, network.backbone)
        self.network = backbone.network.to(memory_format=torch.contiguous_format)
        self.head = network.head

    def forward(self, pixels: Tensor) -> Tensor:
        logits: Tensor = self.head(self.network(pixels))
        return logits


def _onnx_snippet(own: Preprocessing, outputs: Outputs) -> Snippet:
    size, resize, method = own.image_size, own.resize, own.interpolation.upper()
    opens = f"""import json
import numpy, onnxruntime
from PIL import Image, ImageOps

def view(path):
    image = {OPENED}
    shorter = min(image.size)
    image = image.resize([{resize} * side // shorter for side in image.size], Image.Resampling.{method})
    left, top = (round((side - {size}) / 2) for side in image.size)
    pixels = numpy.asarray(image.crop((left, top, left + {size}, top + {size})), dtype="float32") / 255
    return ((pixels - {list(own.mean)}) / {list(own.std)}).astype("float32").transpose(2, 0, 1)

session = onnxruntime.InferenceSession("model.onnx")
"""
    answers = f"""(logits,) = session.run(["logits"], {{"pixels": numpy.stack([view(path) for path in paths])}})
{outputs.printed_by_file}
"""
    return of_paths(opens, answers, outputs.named("labels"))
