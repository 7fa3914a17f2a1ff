"""Images ready for gradients: taken at the pixels, added up by cells of a grid."""

import base64
import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from markupsafe import Markup
from PIL import Image
from torch import Tensor

from finetrail.contents.explainable import Explainable, Values
from finetrail.contents.image.processor import ImageProcessor
from finetrail.contents.image.views import Pixels
from finetrail.evaluation.report.drawing import canvas, draw, finish
from finetrail.models.network import Network

CELLS = 16
"""Cells of a side at most."""
BOX = 176.0
"""Pixels of the page that an image takes."""


@dataclass(frozen=True)
class Cells:
    """See `finetrail.contents.explainable.Parts`. Attributes: image: as the model sees it (S, S, 3)."""

    image: Pixels

    @property
    def edges(self) -> list[int]:
        """Where the cells begin, in pixels, and the end of the last."""
        side = len(self.image)
        return [round(edge) for edge in np.linspace(0, side, min(CELLS, side) + 1).tolist()]

    @property
    def names(self) -> Sequence[str]:
        cells = range(1, len(self.edges))
        return [f"row {down}, column {across}" for down in cells for across in cells]

    def summed(self, attributions: Tensor) -> Values:
        """Args: attributions: of pixels (3, S, S)."""
        pixels = attributions.double().sum(0).cpu().numpy()
        starts = self.edges[:-1]
        found: Values = np.add.reduceat(np.add.reduceat(pixels, starts, axis=0), starts, axis=1).reshape(-1)
        return found

    def shown(self, values: Values) -> Markup:
        """The image, and beside it the image under its cells."""
        svg = canvas(2 * BOX + 12, BOX, "the image, and how much each part of it adds")
        address = _address(self.image)
        for left, opacity in ((0.0, "1"), (BOX + 12, "0.35")):
            draw(svg, "image", href=address, x=left, y=0.0, width=BOX, height=BOX, opacity=opacity)
        most = float(np.abs(values).max(initial=0.0)) or 1.0
        factor, edges = BOX / len(self.image), self.edges
        cells = len(edges) - 1
        for place, share in enumerate((values / most).tolist()):
            down, across = divmod(place, cells)
            (y, bottom), (x, right) = ((edges[at] * factor, edges[at + 1] * factor) for at in (down, across))
            colour = "c0" if share > 0 else "c1"
            cell = draw(
                svg,
                "rect",
                kind=f"dot {colour}",
                x=BOX + 12 + x,
                y=y,
                width=right - x,
                height=bottom - y,
                fill_opacity=0.8 * abs(share),
            )
            draw(cell, "title", f"{self.names[place]}: {share:+.2f}")
        return finish(svg)


def explainable_images(network: Network, processor: ImageProcessor, content: Any) -> list[Explainable]:
    """A row's example; see `finetrail.contents.content.Networks`."""
    inputs = processor.encode([content])
    batch = inputs.batch([0])
    pixels = batch["pixels"].float()
    mean = 255 * torch.tensor(processor.preprocessing.mean).view(1, 3, 1, 1)
    (image,) = inputs.images.take([0])
    compared = "an image of one colour, the mean of those that the backbone was trained on"
    return [Explainable(batch | {"pixels": pixels}, "pixels", mean.expand_as(pixels), None, Cells(image), compared)]


def _address(image: Pixels) -> str:
    """The image as a data: address."""
    file = io.BytesIO()
    Image.fromarray(np.asarray(image)).save(file, "PNG")
    return f"data:image/png;base64,{base64.b64encode(file.getvalue()).decode()}"
