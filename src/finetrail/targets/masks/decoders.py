"""Decoders of segmentation-models-pytorch, torchvision and transformers, for the maps of any backbone."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from segmentation_models_pytorch.decoders.deeplabv3.decoder import DeepLabV3PlusDecoder
from segmentation_models_pytorch.decoders.fpn.decoder import FPNDecoder
from segmentation_models_pytorch.decoders.unet.decoder import UnetDecoder
from torch import Tensor, nn
from torch.nn import functional
from torchvision.models.segmentation.deeplabv3 import ASPP
from torchvision.models.segmentation.lraspp import LRASPPHead

from finetrail.errors import ModelError
from finetrail.models.pyramid import Pyramid
from finetrail.targets.masks.training import Decoder

IN_GROUP = 16
"""Channels of a group of a norm (Wu & He 2018)."""
RATES = (3, 6, 9)
"""Of the dilated convolutions of DeepLabV3+ on the coarsest map: half of the paper's on a map twice as fine."""
Maps = Sequence[Tensor]
"""(B, C, H, W) of the strides 4, 8, 16 and 32."""


@dataclass(frozen=True)
class Form:
    """What a decoder is.

    Attributes:
        stride: pixels of the canvas for each place of the outputs.
        build: maps the pyramid of the maps, classes and width to the decoder and the channels of what it gives; 0 for
            one that gives the outputs of the classes.
        given: what it takes of the maps.
    """

    stride: int
    build: Callable[[Pyramid, int, int], tuple[nn.Module, int]]
    given: Callable[[Maps], Any]


class RestingNorm(nn.BatchNorm2d):
    """A BatchNorm whose statistics stay as they are loaded, so that an image does not depend on others in its batch."""

    def train(self, mode: bool = True) -> "RestingNorm":
        """Stay in evaluation mode."""
        return super().train(False)


def _unet(pyramid: Pyramid, classes: int, width: int) -> tuple[nn.Module, int]:
    blocks = [width, width, width // 2, width // 2]
    return _by_image(UnetDecoder([0, 0, *pyramid.channels], blocks, n_blocks=len(blocks))), blocks[-1]


def _fpn(pyramid: Pyramid, classes: int, width: int) -> tuple[nn.Module, int]:
    decoder = FPNDecoder([0, 0, *pyramid.channels], pyramid_channels=width, segmentation_channels=width, dropout=0.0)
    return _by_image(decoder), width


def _deeplabv3plus(pyramid: Pyramid, classes: int, width: int) -> tuple[nn.Module, int]:
    decoder = DeepLabV3PlusDecoder(
        [0, 0, *pyramid.channels],
        encoder_depth=5,
        out_channels=width,
        atrous_rates=RATES,
        output_stride=16,
        aspp_separable=True,
        aspp_dropout=0.0,
    )
    # Of a map of stride 32 to one of stride 4: the backbone is used as it is, without dilation.
    decoder.up = nn.Upsample(scale_factor=8, mode="bilinear", align_corners=False)
    return _by_image(decoder), width


def _deeplabv3(pyramid: Pyramid, classes: int, width: int) -> tuple[nn.Module, int]:
    """As torchvision's `DeepLabHead`, without its dropout, on the coarsest map grown to twice its size."""
    pool: Any = ASPP(pyramid.channels[-1], [2 * rate for rate in RATES], width)
    pool.project[-1] = nn.Identity()
    fuse = nn.Conv2d(width, width, kernel_size=3, padding=1, bias=False)
    grow = nn.Upsample(scale_factor=2, mode="bilinear", align_corners=False)
    return _by_image(nn.Sequential(grow, pool, fuse, nn.BatchNorm2d(width), nn.ReLU())), width


def _lraspp(pyramid: Pyramid, classes: int, width: int) -> tuple[nn.Module, int]:
    return _by_image(LRASPPHead(pyramid.channels[1], pyramid.channels[-1], classes, width)), 0


def _segformer(pyramid: Pyramid, classes: int, width: int) -> tuple[nn.Module, int]:
    from transformers import SegformerConfig
    from transformers.models.segformer.modeling_segformer import SegformerDecodeHead

    described = {"hidden_sizes": pyramid.channels, "decoder_hidden_size": width, "num_labels": classes}
    head: Any = SegformerDecodeHead(SegformerConfig(**described, classifier_dropout_prob=0.0))
    head.batch_norm = RestingNorm(width)
    return head, 0


def _whole(pyramid: Pyramid, classes: int, width: int) -> tuple[nn.Module, int]:
    above: Any = pyramid.above
    if above is None:
        raise ModelError(
            "train.decoder `whole` is that of a whole segmentation model, and the backbone is none; set backbone.name "
            "to one, such as deeplabv3_resnet50, or train.decoder to unet"
        )
    return WholeDecoder(above, classes, pyramid.canvas), 0


class WholeDecoder(nn.Module):
    """What lies above the body of a segmentation model of torchvision, with its weights, but for new class layers.

    Args:
        above: the model.
        canvas: height and width in pixels.
    """

    def __init__(self, above: Any, classes: int, canvas: tuple[int, int]) -> None:
        super().__init__()
        self.canvas, self.classifier = canvas, above.classifier
        self.by_name = isinstance(self.classifier, LRASPPHead)
        for name in ("low_classifier", "high_classifier") if self.by_name else ("4",):
            layer = self.classifier.get_submodule(name)
            self.classifier.set_submodule(name, nn.Conv2d(layer.in_channels, classes, kernel_size=1))
        # Nothing is drawn at random, so that a batch can be halved.
        for place, module in [*self.classifier.named_modules()]:
            if isinstance(module, nn.Dropout):
                self.classifier.set_submodule(place, nn.Identity())

    def forward(self, maps: Maps) -> Tensor:
        given = dict(zip(("low", "high"), maps, strict=True)) if self.by_name else maps[0]
        outputs: Tensor = self.classifier(given)
        return functional.interpolate(outputs, size=self.canvas, mode="bilinear", align_corners=False)


def _behind_finer(maps: Maps) -> list[Tensor]:
    """The decoders read only the shapes of the two finer maps that an encoder would have in front."""
    first = maps[0]
    sides = [(times * first.shape[2], times * first.shape[3]) for times in (4, 2)]
    return [*(first.new_empty((len(first), 0, *side)) for side in sides), *maps]


FORMS: Mapping[Decoder, Form] = {
    "unet": Form(2, _unet, _behind_finer),
    "fpn": Form(4, _fpn, _behind_finer),
    "deeplabv3plus": Form(4, _deeplabv3plus, _behind_finer),
    "deeplabv3": Form(16, _deeplabv3, lambda maps: maps[-1]),
    "lraspp": Form(8, _lraspp, lambda maps: {"low": maps[1], "high": maps[-1]}),
    "segformer": Form(4, _segformer, lambda maps: maps),
    "whole": Form(1, _whole, lambda maps: maps),
}


def _by_image(module: nn.Module) -> nn.Module:
    """The module with a GroupNorm in place of each BatchNorm."""
    for name, child in module.named_children():
        if isinstance(child, nn.BatchNorm2d):
            setattr(module, name, nn.GroupNorm(max(1, child.num_features // IN_GROUP), child.num_features))
        else:
            _by_image(child)
    return module
