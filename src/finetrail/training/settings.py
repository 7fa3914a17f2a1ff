"""What params.yaml may say about training. No heavy import: the command line reads this before any work."""

from typing import Literal

from pydantic import Field

from finetrail.settings import Settings

Metric = Literal["accuracy", "macro_precision", "macro_recall", "macro_f1"]


class Training(Settings):
    """Section `train` of params.yaml; a candidate's own `train` overrides it key by key.

    Attributes:
        epochs: at most so many passes over the training split.
        batch_size: examples a forward pass.
        accumulate: forward passes an optimiser step; the global batch is `batch_size * accumulate`.
        optimizer: `adamw` (Loshchilov & Hutter 2019), or `sgd` with momentum 0.9.
        learning_rate: the highest rate of the schedule, for the backbone and, unless given apart, the head.
        head_learning_rate: that of the head alone.
        weight_decay: not applied to biases and norms.
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
    learning_rate: float = Field(5e-5, gt=0)
    head_learning_rate: float | None = Field(None, gt=0)
    weight_decay: float = Field(0.01, ge=0)
    schedule: Literal["cosine", "linear", "constant"] = "cosine"
    warmup: float = Field(0.1, ge=0, le=1)
    clip: float | None = Field(1.0, gt=0)
    metric: Metric = "macro_f1"
    patience: int | None = Field(None, ge=1)
    precision: Literal["auto", "fp32", "bf16"] = "auto"
    log_every: int = Field(10, ge=1)
