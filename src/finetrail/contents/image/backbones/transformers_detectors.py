"""Whole detectors of transformers: the network that sees the pixels, and the queries that ask it."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from finetrail.contents.image.backbones.whole import Body, WholeModel, freeze_norms
from finetrail.models.pyramid import Pyramid

BODIES: Mapping[str, str] = {"detr": "model.backbone.model", "rt_detr": "model.backbone.model", "yolos": "vit"}
"""The name of the body in each kind of model."""
_DRAWN = ("dropout", "attention_dropout", "activation_dropout", "hidden_dropout_prob", "attention_probs_dropout_prob")


def is_detector(config: Any) -> bool:
    """Whether a configuration is of a detector that can be used whole."""
    return config.model_type in BODIES


def settle(config: Any) -> None:
    """Nothing is drawn in training: neither what is dropped, nor boxes that are moved by noise."""
    for name in (*_DRAWN, "num_denoising"):
        if hasattr(config, name):
            setattr(config, name, type(getattr(config, name))(0))


def divided(model: Any) -> WholeModel:
    """A detector in two parts; the model is used up."""
    config, kind = model.config, model.config.model_type
    freeze_norms(model)
    inner = model.get_submodule(BODIES[kind])
    body = _Tokens(inner, config) if kind == "yolos" else _Maps(inner, config)

    def above(pyramid: Pyramid) -> nn.Module:
        if kind == "yolos":
            model.vit = _GivenTokens(config.num_detection_tokens)
        else:
            model.model.backbone = _GivenMaps(pyramid)
        rest: nn.Module = model
        return rest

    return WholeModel(body, above)


class _Maps(Body):
    """A convolutional network; DETR reads its last map alone."""

    library = "transformers"

    def __init__(self, model: Any, config: Any) -> None:
        super().__init__()
        self.model, self.config = model, config

    def maps(self, images: Tensor) -> list[Tensor]:
        found: Any = self.model(images)
        maps = list(getattr(found, "feature_maps", found))  # timm gives a plain list
        return maps[-1:] if self.config.model_type == "detr" else maps


class _Tokens(_Maps):
    """A vision transformer with a token for each query, as one map of a single place."""

    def maps(self, images: Tensor) -> list[Tensor]:
        tokens = self.model(images).last_hidden_state[:, -self.config.num_detection_tokens :]
        return [tokens.flatten(1)[:, :, None, None]]


class _GivenMaps(nn.Module):
    """Stands for the body: what the model takes for pixels (B, 1, 1, D) are the maps."""

    def __init__(self, pyramid: Pyramid) -> None:
        super().__init__()
        self.pyramid = pyramid

    def forward(self, pixel_values: Tensor, pixel_mask: Tensor) -> list[tuple[Tensor, Tensor]]:
        maps = self.pyramid.maps(pixel_values.flatten(1))
        return [(one, one.new_ones((len(one), *one.shape[2:]), dtype=torch.bool)) for one in maps]


class _GivenTokens(nn.Module):
    """The same for tokens."""

    def __init__(self, count: int) -> None:
        super().__init__()
        self.count = count

    def forward(self, pixel_values: Tensor) -> Any:
        from transformers.modeling_outputs import BaseModelOutput

        return BaseModelOutput(last_hidden_state=pixel_values.reshape(len(pixel_values), self.count, -1))
