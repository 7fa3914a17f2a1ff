"""A decoder on the maps of any backbone, and one output a class at each place."""

from dataclasses import replace

import torch
from segmentation_models_pytorch.base.initialization import initialize_decoder, initialize_head
from torch import Tensor, nn

from finetrail.errors import ModelError
from finetrail.models.pyramid import Pyramid
from finetrail.targets.masks.decoders import FORMS
from finetrail.targets.masks.training import Decoder


class MaskHead(nn.Module):
    """Maps a pyramid of strides 4, 8, 16 and 32 as features (B, D) to outputs (B, K, H / stride, W / stride).

    The outputs for an image do not depend on the others in a batch: norms are over groups of channels of one image, or
    keep the statistics that they have.
    """

    def __init__(self, pyramid: Pyramid, classes: int, decoder: Decoder, width: int) -> None:
        super().__init__()
        if pyramid.above is not None and decoder != "whole":
            raise ModelError(f"the backbone is a whole {type(pyramid.above).__name__}; set train.decoder to whole")
        self.pyramid = replace(pyramid, above=None)
        self.form = FORMS[decoder]
        self.decoder, channels = self.form.build(pyramid, classes, width)
        self.classify = nn.Conv2d(channels, classes, kernel_size=1) if channels else nn.Identity()
        if pyramid.above is None:
            initialize_decoder(self.decoder)
            initialize_head(self.classify)

    def forward(self, features: Tensor) -> Tensor:
        outputs: Tensor = self.classify(self.decoder(self.form.given(self.pyramid.maps(features))))
        return outputs


def on_canvas(outputs: Tensor, stride: int) -> Tensor:
    """Outputs (B, K, H, W) for each pixel of a canvas, by bilinear interpolation."""
    return torch.nn.functional.interpolate(outputs, scale_factor=stride, mode="bilinear", align_corners=False)
