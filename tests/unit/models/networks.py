"""Networks of each library, small enough to train in a test, and images that they can tell apart."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self, cast

import numpy as np
import torch
from torch import Tensor, nn

from finetrail.contents.image.backbone import VisionBackbone, load_pretrained
from finetrail.contents.image.preprocessing import Preprocessing
from finetrail.contents.image.processor import ImageProcessor
from finetrail.contents.image.settings import ImageBackbone
from finetrail.contents.text.settings import TextBackbone
from finetrail.inference.predict import predict
from finetrail.models.inputs import Inputs, Targets, targets_of
from finetrail.models.network import Batch, Network
from finetrail.targets.classes import CLASSES
from finetrail.tasks.registry import get_task
from finetrail.tasks.task import Built

SIZE = 32
HALF = Preprocessing(SIZE, SIZE, (0.5, 0.5, 0.5), (0.25, 0.25, 0.25), "bilinear")
NAMES = {
    "convolutions": "timm/test_resnet",
    "grouped": "mobilenet_v2",
    "attention": "timm/test_vit2",
}
LEARNING = CLASSES.learned({"labels": ["bad", "good"]})


def text_classifier(backbone: TextBackbone) -> Built:
    """An encoder with a new head for two classes."""
    return get_task("text-classification").build(backbone, LEARNING, Path(), ["text"])


def answers(model: Network, inputs: Inputs, batch_size: int = 8) -> np.ndarray:
    """The logits (N, K) of a classifier."""
    kept = predict(model, inputs, LEARNING.keep, batch_size)
    assert isinstance(kept, np.ndarray)
    return kept


def loaded(name: str) -> tuple[VisionBackbone, Preprocessing, int]:
    """A network with random weights, the same each time, at 32 pixels."""
    with torch.random.fork_rng():
        torch.manual_seed(3)
        settings = ImageBackbone(name=name, weights="random", image_size=SIZE)
        found = load_pretrained(settings, Path(), "pooled", ["image"])
    return cast(VisionBackbone, found.network), cast(ImageProcessor, found.processor).preprocessing, found.width


def multihead() -> tuple[VisionBackbone, Preprocessing, int]:
    """Torchvision's ViT with two layers of 16 dimensions: its attention is `nn.MultiheadAttention`."""
    from torchvision.models import VisionTransformer

    with torch.random.fork_rng():
        torch.manual_seed(3)
        network = VisionTransformer(SIZE, 8, num_layers=2, num_heads=2, hidden_dim=16, mlp_dim=32)
    network.heads = nn.Identity()
    return VisionBackbone(network, "vit", HALF), HALF, 16


def classifier(parts: tuple[VisionBackbone, Preprocessing, int]) -> Network:
    """With a head for two classes."""
    with torch.random.fork_rng():
        torch.manual_seed(4)
        model = Network(parts[0], nn.Linear(parts[2], 2))
    norms = [module for module in model.modules() if isinstance(module, nn.BatchNorm2d)]
    # With the statistics that it starts with, an untrained MobileNet gives the same features for every image.
    for norm in norms:
        nn.init.ones_(norm.weight)  # timm starts some at zero, which lets no gradient through
        norm.momentum = 1.0
    with torch.no_grad():
        model.train()(images().batch(range(8)))
    for norm in norms:
        norm.momentum = 0.1
    return model.eval()


BUILD: dict[str, Callable[[], Network]] = {
    **{kind: (lambda name=name: classifier(loaded(name))) for kind, name in NAMES.items()},  # type: ignore[misc]
    "multihead": lambda: classifier(multihead()),
}


@dataclass(frozen=True)
class Images:
    """Inputs that are images (N, 3, S, S) in memory."""

    pixels: Tensor
    targets: Targets | None = None

    def __len__(self) -> int:
        return len(self.pixels)

    @property
    def lengths(self) -> list[int]:
        return [1] * len(self.pixels)

    @property
    def rows(self) -> Sequence[int]:
        return range(len(self.pixels))

    @property
    def varies(self) -> bool:
        return False

    def labelled(self, targets: Targets) -> Self:
        return replace(self, targets=targets)

    def batch(self, indices: Sequence[int], seed: int | None = None) -> Batch:
        return {"pixels": self.pixels[list(indices)]} | targets_of(self, indices)


def images(count: int = 8, size: int = SIZE) -> Images:
    """Noise; every second image is red, the others blue."""
    pixels = torch.randint(0, 120, (count, 3, size, size), generator=torch.Generator().manual_seed(5))
    pixels[::2, 0] += 130
    pixels[1::2, 2] += 130
    return Images(pixels.to(torch.uint8))


def some_steps(model: Network, inputs: Images, steps: int = 3, rate: float = 0.05) -> None:
    """Train long enough that everything that can change has changed."""
    optimizer = torch.optim.SGD([one for one in model.parameters() if one.requires_grad], lr=rate)
    model.train()
    batch, targets = inputs.batch(range(len(inputs))), torch.arange(len(inputs)) % 2
    for _ in range(steps):
        optimizer.zero_grad()
        torch.nn.functional.cross_entropy(model(batch), targets).backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    model.eval()


def copies(model: nn.Module) -> dict[str, Tensor]:
    return {name: tensor.clone() for name, tensor in model.state_dict().items()}
