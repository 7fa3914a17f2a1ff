"""What all images have in common that are ready for a backbone."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Generic, Protocol, Self, TypeVar

import torch
from PIL import Image

from finetrail.contents.image.kept import Kept
from finetrail.contents.image.preprocessing import Preprocessing
from finetrail.models.inputs import Targets
from finetrail.models.network import Batch


class Varying(Protocol):
    """How images vary in training. Attributes: active: whether they do."""

    @property
    def active(self) -> bool: ...


A = TypeVar("A", bound=Varying)


@dataclass(frozen=True)
class KeptInputs(Generic[A]):
    """The images of a split, one example each.

    Attributes:
        images: decoded, or to be decoded for each batch.
        augment: how they vary in a batch that is drawn with a seed.
        targets: the encoded labels.
    """

    images: Kept
    preprocessing: Preprocessing
    augment: A
    targets: Targets | None = None

    def __len__(self) -> int:
        return len(self.images)

    @property
    def lengths(self) -> list[int]:
        """All alike: what a backbone sees has one size, so there is nothing to group by."""
        return [1] * len(self.images)

    @property
    def rows(self) -> Sequence[int]:
        """Each row is one example."""
        return range(len(self.images))

    @property
    def varies(self) -> bool:
        """Whether there is augmentation."""
        return self.augment.active

    def labelled(self, targets: Targets) -> Self:
        """The same images with their targets."""
        return replace(self, targets=targets)


def seen(batch: Batch) -> list[Image.Image]:
    """The images of a batch as the model sees them: of `pixels` (B, 3, S, S), 0..255."""
    pixels = batch["pixels"].round().to(torch.uint8).permute(0, 2, 3, 1).cpu().numpy()
    return [Image.fromarray(image) for image in pixels]
