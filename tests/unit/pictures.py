"""A problem of pictures small enough to see through: is it rather red or rather blue?"""

import base64
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn

from finetrail.images import decode
from finetrail.models.augmentation import Augment
from finetrail.models.classifier import Batch, Classifier
from finetrail.models.inputs import Values
from finetrail.models.losses import Loss, cross_entropy
from finetrail.models.weights import load_weights, save_tensors
from finetrail.previews import Preview
from finetrail.tasks.registry import Entry
from finetrail.tasks.task import Built
from finetrail.workspace import write_json

LABELS = ["blue", "red"]
RED, BLUE = (230, 20, 20), (20, 20, 230)
NAME = "red-or-blue"


def picture(colour: tuple[int, int, int], kind: str = "PNG", size: tuple[int, int] = (8, 8)) -> bytes:
    """An encoded image of one colour."""
    file = io.BytesIO()
    Image.new("RGB", size, colour).save(file, kind)
    return file.getvalue()


ENTRY = Entry(__name__, "RedOrBlue", column="image", example=base64.b64encode(picture(RED)).decode())


class MeanColour(nn.Module):
    """A backbone whose features (B, 3) are the mean of each channel."""

    def forward(self, batch: Batch) -> Tensor:
        return batch["pixels"].float().mean(dim=(2, 3)) / 255


@dataclass(frozen=True)
class Pixels:
    """Pictures of one size, (N, 3, 8, 8)."""

    values: Tensor

    def __len__(self) -> int:
        return len(self.values)

    @property
    def lengths(self) -> list[int]:
        return [1] * len(self.values)

    @property
    def varies(self) -> bool:
        return False

    def batch(self, indices: Sequence[int], seed: int | None = None) -> Batch:
        return {"pixels": self.values[list(indices)]}


class PixelProcessor:
    """Decodes and resizes to 8 x 8."""

    def encode(self, values: Values, *, augment: Augment | None = None, scratch: Path | None = None) -> Pixels:
        pictures = [np.asarray(decode(value).resize((8, 8))) for value in values]
        return Pixels(torch.from_numpy(np.stack(pictures)).permute(0, 3, 1, 2))

    def show(self, batch: Batch) -> list[Preview]:
        return [Preview(picture=_png(pixels.permute(1, 2, 0).numpy())) for pixels in batch["pixels"]]

    def preview(self, value: bytes) -> Preview:
        return Preview(picture=_png(np.asarray(decode(value))))


def _png(pixels: np.ndarray) -> bytes:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()


class RedOrBlue:
    """A task of pictures, with a model that needs no training."""

    name = NAME

    def build(self, backbone: object, labels: list[str], root: Path) -> Built:
        model = Classifier(MeanColour(), 3, len(labels))
        with torch.no_grad():
            model.head.weight.copy_(torch.tensor([[-4.0, 0.0, 4.0], [4.0, 0.0, -4.0]]))
            model.head.bias.zero_()
        return Built(model, PixelProcessor(), labels)

    def loss(self, label_smoothing: float, class_weights: Tensor | None) -> Loss:
        return cross_entropy(label_smoothing, class_weights)

    def save(self, built: Built, backbone: object, folder: Path) -> None:
        save_tensors(built.model.state_dict(), folder / "model.safetensors")
        write_json(folder / "model.json", {"task": self.name})

    def load(self, folder: Path) -> Built:
        model = Classifier(MeanColour(), 3, len(LABELS))
        load_weights(model, folder / "model.safetensors")
        return Built(model.eval(), PixelProcessor(), LABELS)
