"""A model that names places in whole images as a function of pixels, for ONNX: answers come out, not raw outputs."""

from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from finetrail.contents.exported import Graph
from finetrail.contents.image.fitted.cards import Runtime, exported
from finetrail.contents.image.preprocessing import Preprocessing
from finetrail.models.network import Network
from finetrail.models.told import Told
from finetrail.workspace import write_json


def graph_of_fitted(network: Network, processor: Any, folder: Path, told: Told) -> Graph:
    """The model as a function of the normalised pixels of one image, for ONNX; writes the preprocessing."""
    own: Preprocessing = processor.preprocessing
    width, height = own.canvas
    write_json(folder / "preprocessing.json", vars(own))
    noise = torch.Generator().manual_seed(0)
    probes = [{"pixels": torch.randn(1, 3, height, width, generator=noise)} for _ in range(2)]
    opens = 'session = onnxruntime.InferenceSession("model.onnx")'
    runtime = Runtime("onnx", ("onnxruntime",), opens, f'session.run({list(told.names)}, {{"pixels": pixels}})')
    said = exported(own, told, runtime)
    return Graph(_Whole(network, told.module), probes, {}, said, names=told.names, apart=told.apart)


class _Whole(nn.Module):
    """A model that takes normalised pixels (1, 3, H, W)."""

    def __init__(self, network: Network, told: nn.Module) -> None:
        super().__init__()
        self.backbone: Any = network.backbone.to(memory_format=torch.contiguous_format)
        self.head, self.told = network.head, told

    def forward(self, pixels: Tensor) -> tuple[Tensor, ...]:
        answers: tuple[Tensor, ...] = self.told(self.head(self.backbone.packed(pixels)))
        return answers
