"""A network is a backbone that maps a batch to features, and a head on top of it."""

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn

Batch = dict[str, Tensor]
"""Tensors by name, whose first dimension is the example. What is named `targets...` is for the loss alone."""
TARGETS = "targets"


def for_model(batch: Batch) -> Batch:
    """A batch without its targets."""
    return {name: tensor for name, tensor in batch.items() if not name.startswith(TARGETS)}


def rows(batch: Batch) -> int:
    """How many examples a batch has."""
    return len(next(iter(batch.values())))


def parts(batch: Batch, most: int) -> list[Batch]:
    """The batch in parts of at most so many examples."""
    return [{name: tensor[at : at + most] for name, tensor in batch.items()} for at in range(0, rows(batch), most)]


class Network(nn.Module):
    """Backbone and head.

    A batch holds either the backbone's inputs or, if the backbone is frozen and its output was computed once,
    `features`: then only the head runs. Training loop, evaluation and saving need not know which.

    Args:
        backbone: maps a batch to features (B, ..., D).
        head: maps features (B, ..., D) to outputs (B, ..., K).
        dropout: probability of dropping a feature in front of the head.
    """

    def __init__(self, backbone: nn.Module, head: nn.Module, dropout: float = 0.0) -> None:
        super().__init__()
        self.backbone = backbone
        self.dropout = nn.Dropout(dropout)
        self.head = head

    def train(self, mode: bool = True) -> "Network":
        """Set training mode, except in parts that are entirely frozen.

        Frozen parts must not change: in training mode their BatchNorms would keep averaging, and their dropouts would
        only add noise.
        """
        super().train(mode)
        if mode:
            _rest_where_frozen(self)
        return self

    def begin(self, progress: float) -> None:
        """A step of a training begins. Args: progress: the share of the training that is done, 0 to 1."""

    def features(self, batch: Batch) -> Tensor:
        """The backbone's output, (B, ..., D)."""
        features: Tensor = batch["features"] if "features" in batch else self.backbone(batch)
        return features

    def forward(self, batch: Batch) -> Tensor:
        """Outputs, (B, ..., K), in float32."""
        features = self.dropout(self.features(batch))
        # The head is tiny and decides the output: it stays in full precision under autocast.
        with torch.autocast(features.device.type, enabled=False):
            outputs: Tensor = self.head(features.float())
        return outputs

    @property
    def writes(self) -> bool:
        """Whether the backbone answers by itself, one token after the other."""
        return hasattr(self.backbone, "write")

    @property
    def divisible(self) -> bool:
        """Whether the backbone's first blocks can run alone: nothing but the next block reads what they give."""
        return not self.writes and getattr(self.backbone, "divisible", True)

    def answer(self, batch: Batch) -> Tensor:
        """What answers are made of (B, ..., K): the outputs, or what the backbone writes."""
        backbone: Any = self.backbone
        answers: Tensor = backbone.write(batch) if self.writes else self(batch)
        return answers

    def stream(self, batch: Batch) -> Iterator[int]:
        """The tokens of the answer to the one example of a batch, while a backbone that writes goes on."""
        backbone: Any = self.backbone
        tokens: Iterator[int] = backbone.stream(batch)
        return tokens


def _rest_where_frozen(module: nn.Module) -> None:
    parameters = list(module.parameters())
    if parameters and not any(parameter.requires_grad for parameter in parameters):
        module.eval()
        return
    for child in module.children():
        _rest_where_frozen(child)


def count_parameters(model: nn.Module) -> dict[str, int]:
    """The number of trainable and of all parameters."""
    sizes = [(parameter.numel(), parameter.requires_grad) for parameter in model.parameters()]
    return {"trainable": sum(size for size, trains in sizes if trains), "total": sum(size for size, _ in sizes)}
