"""Maps of several resolutions from any backbone that has them: the last of each resolution, as pyramids read them."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from finetrail.contents.image.backbone import VisionBackbone
from finetrail.contents.image.backbones.whole import Body
from finetrail.contents.image.fitted.settings import STRIDE
from finetrail.contents.image.preprocessing import Preprocessing
from finetrail.errors import ModelError
from finetrail.models.network import Batch
from finetrail.models.pyramid import Pyramid


class PyramidBackbone(VisionBackbone):
    """A network that gives its maps as one vector of features.

    Args:
        strides: pixels of an image for each place of a map, the finest map first.

    Attributes:
        pyramid: what the vector holds.
        taps: the names of the modules whose outputs the maps are.
    """

    divisible = False
    """Every map is read, so that no first blocks can be computed once and left out."""

    def __init__(self, network: nn.Module, name: str, preprocessing: Preprocessing, strides: Sequence[int]) -> None:
        super().__init__(network, name, preprocessing)
        self.taps, self.pyramid = _taps(self.network, name, preprocessing.canvas, tuple(strides))

    def forward(self, batch: Batch) -> Tensor:
        """Features (B, D) of a batch with RGB pixels (B, 3, H, W) in 0..255, uint8 or float32."""
        pixels = batch["pixels"].contiguous(memory_format=torch.channels_last).float()
        return self.packed(pixels * self.scale + self.shift)

    def packed(self, images: Tensor) -> Tensor:
        """Features (B, D) of normalised images (B, 3, H, W)."""
        found: dict[str, Tensor] = {}

        def keep(name: str) -> Any:
            return lambda module, inputs, output: found.__setitem__(name, output)

        # Not for good: a copy of the network would go on writing into this one.
        hooks = [self.network.get_submodule(name).register_forward_hook(keep(name)) for name in self.taps]
        try:
            self.network(images)
        finally:
            for hook in hooks:
                hook.remove()
        return Pyramid.packed([found[name] for name in self.taps])


class WholeBackbone(VisionBackbone):
    """The body of a whole model.

    Attributes:
        pyramid: what its features hold.
    """

    divisible = False

    def __init__(self, body: Body, name: str, preprocessing: Preprocessing) -> None:
        super().__init__(body, name, preprocessing)
        size = preprocessing.image_size
        _require_divided(name, size, STRIDE)
        training = body.training
        with torch.no_grad():
            shapes = [tuple(one.shape[1:]) for one in body.eval().maps(torch.zeros(1, 3, size, size))]
        body.train(training)
        self.pyramid = Pyramid(tuple(shapes), tuple(size // shape[1] for shape in shapes))  # type: ignore[arg-type]

    def packed(self, images: Tensor) -> Tensor:
        """Features (B, D) of normalised images (B, 3, S, S)."""
        features: Tensor = self.network(images)
        return features


def _require_divided(name: str, size: int, stride: int) -> None:
    """Raise ModelError where a stride does not divide the size of the canvas."""
    if size % stride:
        near = round(size / stride) * stride
        raise ModelError(
            f"{name!r} takes images of {size} pixels, which {stride} does not divide; set backbone.image_size to {near}"
        )


def _taps(
    network: nn.Module, name: str, canvas: tuple[int, int], strides: tuple[int, ...]
) -> tuple[list[str], Pyramid]:
    """The last module of each stride whose output is a map, found with a black image.

    Raises:
        ModelError: the network has no maps of these strides, as transformers with a single resolution; or 32 does not
            divide its own image size.
    """
    (width, height), size = canvas, max(canvas)
    _require_divided(name, size, strides[-1])
    seen: list[tuple[int, str, tuple[int, ...]]] = []
    calls: Counter[str] = Counter()

    def look(place: str) -> Any:
        def hook(module: nn.Module, inputs: Any, output: Any) -> None:
            calls[place] += 1
            if isinstance(output, Tensor) and output.ndim == 4:
                shape = tuple(output.shape[1:])
                seen.extend(
                    (stride, place, shape) for stride in strides if shape[1:] == (height // stride, width // stride)
                )

        return hook

    hooks = [module.register_forward_hook(look(place)) for place, module in network.named_modules() if place]
    training = network.training
    try:
        with torch.no_grad():
            network.eval()(torch.zeros(1, 3, height, width))
    except (RuntimeError, ValueError, AssertionError, TypeError) as error:
        cause = " ".join(str(error).split())[:200]
        raise ModelError(
            f"{name!r} does not accept images of {width} x {height} pixels ({cause}); change backbone.image_size, "
            "or use another backbone"
        ) from error
    finally:
        network.train(training)
        for one in hooks:
            one.remove()
    # One that is called again, as a ReLU may be for a whole block, gives another map in the end.
    last = {stride: (place, shape) for stride, place, shape in seen if calls[place] == 1}
    if sorted(last) != list(strides):
        raise ModelError(
            f"{name!r} has no maps of {', '.join(map(str, strides))} pixels a place, which this task needs; use a "
            "convolutional backbone, such as mobilenet_v2 or resnet50"
        )
    shapes: Any = tuple(last[stride][1] for stride in strides)
    return [last[stride][0] for stride in strides], Pyramid(shapes, strides)
