"""Decoders of segmentation-models-pytorch on the maps of any backbone, and one output a class at each place."""

from collections.abc import Mapping

import torch
from segmentation_models_pytorch.base.initialization import initialize_decoder, initialize_head
from segmentation_models_pytorch.decoders.deeplabv3.decoder import DeepLabV3PlusDecoder
from segmentation_models_pytorch.decoders.fpn.decoder import FPNDecoder
from segmentation_models_pytorch.decoders.unet.decoder import UnetDecoder
from torch import Tensor, nn

from finetrail.models.pyramid import Pyramid
from finetrail.targets.masks.training import Decoder

STRIDE: Mapping[Decoder, int] = {"unet": 2, "fpn": 4, "deeplabv3plus": 4}
"""Pixels of the canvas for each place of the outputs."""
IN_GROUP = 16
"""Channels of a group of a norm (Wu & He 2018)."""
RATES = (3, 6, 9)
"""Of the dilated convolutions of DeepLabV3+ on the coarsest map: half of the paper's on a map twice as fine."""


class MaskHead(nn.Module):
    """Maps a pyramid of strides 4, 8, 16 and 32 as features (B, D) to outputs (B, K, S / stride, S / stride).

    Norms are over groups of channels of one image, so that the outputs for it do not depend on the others in a batch.
    """

    def __init__(self, pyramid: Pyramid, classes: int, decoder: Decoder, width: int) -> None:
        super().__init__()
        self.pyramid = pyramid
        self.decoder, channels = _decoder(pyramid.channels, decoder, width)
        _norm_images(self.decoder)
        self.classify = nn.Conv2d(channels, classes, kernel_size=1)
        initialize_decoder(self.decoder)
        initialize_head(self.classify)

    def forward(self, features: Tensor) -> Tensor:
        maps = self.pyramid.maps(features)
        # The decoders read only the shapes of the two finer maps that an encoder would have in front.
        front = [maps[0].new_empty((len(features), 0, side, side)) for side in _finer(self.pyramid)]
        outputs: Tensor = self.classify(self.decoder([*front, *maps]))
        return outputs


def _finer(pyramid: Pyramid) -> list[int]:
    side = pyramid.shapes[0][1]
    return [side * pyramid.strides[0], side * pyramid.strides[0] // 2]


def _decoder(channels: list[int], name: Decoder, width: int) -> tuple[nn.Module, int]:
    """A decoder, and the channels of what it gives. Args: channels: of the maps, the finest first."""
    if name == "unet":
        blocks = [width, width, width // 2, width // 2]
        return UnetDecoder([0, 0, *channels], blocks, n_blocks=len(blocks)), blocks[-1]
    if name == "fpn":
        return FPNDecoder([0, 0, *channels], pyramid_channels=width, segmentation_channels=width, dropout=0.0), width
    decoder = DeepLabV3PlusDecoder(
        [0, 0, *channels],
        encoder_depth=5,
        out_channels=width,
        atrous_rates=RATES,
        output_stride=16,
        aspp_separable=True,
        aspp_dropout=0.0,
    )
    # Of a map of stride 32 to one of stride 4: the backbone is used as it is, without dilation.
    decoder.up = nn.Upsample(scale_factor=8, mode="bilinear", align_corners=False)
    return decoder, width


def _norm_images(module: nn.Module) -> None:
    """Replace each BatchNorm by a GroupNorm."""
    for name, child in module.named_children():
        if isinstance(child, nn.BatchNorm2d):
            setattr(module, name, nn.GroupNorm(max(1, child.num_features // IN_GROUP), child.num_features))
        else:
            _norm_images(child)


def on_canvas(outputs: Tensor, stride: int) -> Tensor:
    """Outputs (B, K, S, S) for each pixel of a canvas, by bilinear interpolation."""
    return torch.nn.functional.interpolate(outputs, scale_factor=stride, mode="bilinear", align_corners=False)
