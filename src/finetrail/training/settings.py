"""What params.yaml may say about training. No heavy import: the command line reads this before any work."""

from typing import Literal

from pydantic import Field, model_validator

from finetrail.models.augmentation import Augment
from finetrail.settings import Settings

Metric = Literal["accuracy", "macro_precision", "macro_recall", "macro_f1"]


class Training(Settings):
    """Section `train` of params.yaml; a candidate's own `train` overrides it key by key.

    Attributes:
        epochs: at most so many passes over the training split.
        batch_size: examples a forward pass.
        accumulate: forward passes an optimiser step; the global batch is `batch_size * accumulate`.
        optimizer: `adamw` (Loshchilov & Hutter 2019), or `sgd`.
        momentum: of `sgd`.
        nesterov: whether `sgd` looks ahead by its momentum (Sutskever et al. 2013).
        learning_rate: the highest rate of the schedule, for the backbone and, unless given apart, the head.
        head_learning_rate: that of the head alone.
        layer_decay: each layer of the backbone has so many times the rate of the layer above it, the topmost the whole
            rate (Howard & Ruder 2018); null for one rate in all layers.
        weight_decay: not applied to biases and norms.
        label_smoothing: the share of the target that is spread over all classes (Szegedy et al. 2016).
        class_weights: `balanced`: each class counts the same in the loss, however many rows it has; null: each row.
        augment: how training examples vary from epoch to epoch.
        schedule: after the warm-up, down to 0 by a `cosine` or a `linear` curve, or `constant`.
        warmup: the share of all steps in which the rate rises from 0.
        clip: the largest norm of the gradient; null for no clipping.
        metric: the validation metric that picks the best epoch.
        patience: stop after so many epochs without a better one; null to run all epochs.
        precision: of the forward and backward pass; `auto` is bf16 where the hardware multiplies in it, else fp32.
        log_every: optimiser steps a point of the training curve.
    """

    epochs: int = Field(3, ge=1)
    batch_size: int = Field(32, ge=1)
    accumulate: int = Field(1, ge=1)
    optimizer: Literal["adamw", "sgd"] = "adamw"
    momentum: float = Field(0.9, ge=0, lt=1)
    nesterov: bool = False
    learning_rate: float = Field(5e-5, gt=0)
    head_learning_rate: float | None = Field(None, gt=0)
    layer_decay: float | None = Field(None, gt=0, le=1)
    weight_decay: float = Field(0.01, ge=0)
    label_smoothing: float = Field(0.0, ge=0, lt=1)
    class_weights: Literal["balanced"] | None = None
    augment: Augment = Augment()
    schedule: Literal["cosine", "linear", "constant"] = "cosine"
    warmup: float = Field(0.1, ge=0, le=1)
    clip: float | None = Field(1.0, gt=0)
    metric: Metric = "macro_f1"
    patience: int | None = Field(None, ge=1)
    precision: Literal["auto", "fp32", "bf16"] = "auto"
    log_every: int = Field(10, ge=1)

    @model_validator(mode="after")
    def _nesterov_needs_momentum(self) -> "Training":
        if self.nesterov and (self.optimizer != "sgd" or self.momentum == 0):
            raise ValueError("nesterov looks ahead by the momentum of sgd; set optimizer to sgd and momentum above 0")
        return self
