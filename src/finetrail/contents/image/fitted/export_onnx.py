"""A model that names places in whole images as a function of pixels, for ONNX: answers come out, not raw outputs."""

from pathlib import Path
from textwrap import indent
from typing import Any

import torch
from torch import Tensor, nn

from finetrail.contents.exported import Asking, Exported, Graph, Snippet
from finetrail.contents.image.export_asked import NOTE, OPENED, laid_out
from finetrail.contents.image.fitted.views import paint
from finetrail.contents.image.preprocessing import Preprocessing
from finetrail.models.network import Network
from finetrail.models.told import Told
from finetrail.workspace import write_json


def graph_of_fitted(network: Network, processor: Any, folder: Path, told: Told) -> Graph:
    """The model as a function of the normalised pixels of one image, for ONNX; writes the preprocessing."""
    own: Preprocessing = processor.preprocessing
    size = own.image_size
    write_json(folder / "preprocessing.json", vars(own))
    noise = torch.Generator().manual_seed(0)
    probes = [{"pixels": torch.randn(1, 3, size, size, generator=noise)} for _ in range(2)]
    reads = f"It sees a whole image, in the upper left corner of {size} x {size} pixels, one image at a time."
    asking = Asking(laid_out, kept=told.kept)
    packages = ("onnxruntime", "numpy", "pillow")
    said = Exported("onnx", packages, _snippet(own, told), reads, asking, NOTE)
    return Graph(_Whole(network, told.module), probes, {}, said, names=told.names, apart=told.apart)


class _Whole(nn.Module):
    """A model that takes normalised pixels (1, 3, S, S)."""

    def __init__(self, network: Network, told: nn.Module) -> None:
        super().__init__()
        self.backbone: Any = network.backbone.to(memory_format=torch.contiguous_format)
        self.head, self.told = network.head, told

    def forward(self, pixels: Tensor) -> tuple[Tensor, ...]:
        answers: tuple[Tensor, ...] = self.told(self.head(self.backbone.packed(pixels)))
        return answers


def _snippet(own: Preprocessing, told: Told) -> Snippet:
    size, method = own.image_size, own.interpolation.upper()
    opens = f"""import json
import numpy, onnxruntime
from PIL import Image, ImageOps

def view(path):
    image = {OPENED}
    fitted = [max(1, round(side * {size} / max(image.size))) for side in image.size]
    canvas = Image.new("RGB", ({size}, {size}), {paint(own)})
    canvas.paste(image.resize(fitted, Image.Resampling.{method}))
    pixels = (numpy.asarray(canvas, dtype="float32") / 255 - {list(own.mean)}) / {list(own.std)}
    return pixels.astype("float32").transpose(2, 0, 1)[None], image.size, fitted

session = onnxruntime.InferenceSession("model.onnx")
labels = json.load(open("labels.json", encoding="utf-8"))
"""
    answers = f"""found = []
for path in paths:
    pixels, size, fitted = view(path)
    {", ".join(told.names)} = session.run({list(told.names)}, {{"pixels": pixels}})
{indent(told.code, "    ")}"""
    return Snippet(opens, "paths", '["image.png"]', answers, outputs="found")
