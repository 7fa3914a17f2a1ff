"""Whole models in two parts: a body, which is a backbone, and what lies above it, which a head goes on from."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor, nn
from torchvision.ops import FrozenBatchNorm2d

from finetrail.models.pyramid import Pyramid


class Body(nn.Module, ABC):
    """Gives the maps of images that the rest of a model reads.

    Attributes:
        library: that the model is of.
    """

    library: str

    @abstractmethod
    def maps(self, images: Tensor) -> list[Tensor]:
        """The maps (B, C, H, W) of normalised images (B, 3, S, S), the finest first."""

    def forward(self, images: Tensor) -> Tensor:
        """The maps as features (B, D)."""
        return Pyramid.packed(self.maps(images))


@dataclass(frozen=True)
class WholeModel:
    """A model in two parts.

    Attributes:
        above: gives the rest of the model, for maps of these shapes.
        of_pixels: whether it names the class of each pixel; else it finds objects.
    """

    body: Body
    above: Callable[[Pyramid], nn.Module]
    of_pixels: bool = False


def freeze_norms(model: nn.Module) -> None:
    """Keep statistics and scales of all batch norms: else the loss of an image would depend on its batch."""
    for place, norm in [one for one in model.named_modules() if isinstance(one[1], nn.BatchNorm2d)]:
        frozen = FrozenBatchNorm2d(norm.num_features, norm.eps)
        frozen.load_state_dict(norm.state_dict())
        model.set_submodule(place, frozen)


def unfrozen(model: nn.Module, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """The tensors for a model whose batch norms count batches, as frozen ones do not."""
    return {key: one for key, one in model.state_dict().items() if key.endswith("num_batches_tracked")} | tensors
