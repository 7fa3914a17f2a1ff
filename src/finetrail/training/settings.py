"""The training settings of params.yaml. No heavy imports: the command line reads them before any work."""

from typing import Literal

from pydantic import Field, model_validator

from finetrail.settings import Settings


class Training(Settings):
    """Section `train` of params.yaml; a candidate's own overrides it key by key. Contents and targets add theirs.

    Attributes:
        epochs: the most passes over the training split.
        max_steps: the number of optimiser steps, instead of `epochs`; null: `epochs` decides.
        evaluate_every: optimiser steps from one evaluation on the validation split to the next; null: once an epoch.
        batch_size: examples a forward pass.
        batch_tokens: split a batch whose padded texts would have more tokens than this; null: never.
        accumulate: forward passes an optimiser step; the global batch is `batch_size * accumulate`.
        workers: processes that make batches while the model computes; 0: the training process itself. The same seed
            gives the same bits with any number.
        processes: how many train together, each on its share of every batch; see `finetrail.inference.launch`.
        fsdp: shard weights, gradients and optimiser over the processes (Zhao et al. 2023): models beyond one device.
        optimizer: `adamw` (Loshchilov & Hutter 2019), `sgd`, `adafactor` (Shazeer & Stern 2018), `lion` (Chen et al.
            2023) or `muon` (Jordan et al. 2024; AdamW trains the head and what is not a matrix).
        momentum: of `sgd` and `muon`.
        nesterov: whether `sgd` looks ahead by its momentum (Sutskever et al. 2013).
        learning_rate: the highest rate of the schedule, for the backbone and, unless it has its own, the head.
        head_learning_rate: the highest rate of the head; null: `learning_rate`.
        layer_decay: each backbone layer has this many times the rate of the layer above it; the top layer has the full
            rate (Howard & Ruder 2018); null for one rate in all layers.
        weight_decay: not applied to biases and norms.
        schedule: after the warm-up, down to 0 by a `cosine` or a `linear` curve, or `constant`; `one_cycle` up and down
            (Smith & Topin 2019); `restarts`: down to 0 by a cosine and up again at once, several times (Loshchilov &
            Hutter 2017); `plateau`: lower whenever the metric stops improving.
        warmup: below 1, the share of all steps in which the rate rises; from 1 on, the number of these steps.
        cycles: how many times `restarts` goes down.
        cycle_growth: each of them takes this many times as many steps as the one before.
        plateau_factor: what `plateau` multiplies the rate by.
        plateau_patience: evaluations without a better metric before that; those in the warm-up do not count.
        average: evaluate and keep an average of the weights: `ema`, exponential (Polyak & Juditsky 1992), or `swa`, of
            each epoch's end in the last part of training (Izmailov et al. 2018); null: the weights themselves.
        ema_decay: the weight of the past in each step's average.
        swa_start: the share of training after which `swa` begins to average.
        clip: the largest norm of the gradient; null for no clipping.
        nonfinite: `stop` at a loss or gradient that is NaN or infinite, or `skip` that step; ten in a row stop too.
        patience: stop after this many evaluations without a better one; null to train to the end.
        precision: of the forward and backward pass; `auto` is bf16 where the hardware multiplies in it, else fp32.
            `tf32` and `fp16` (with a scaled loss) are for GPUs.
        compile: use `torch.compile`; it takes a minute or more before it pays off.
        gradient_checkpointing: recompute activations in the backward pass instead of keeping them (Chen et al. 2016).
        seeds: how many times to train in all, each with its own seed, counted up from that of params.yaml. The model is
            that of the first; the others say how much of its score is chance.
        checkpoint_seconds: the most seconds of work that a crash may cost.
        log_every: optimiser steps per point of the training curve.
    """

    epochs: int = Field(3, ge=1)
    max_steps: int | None = Field(None, ge=1)
    evaluate_every: int | None = Field(None, ge=1)
    batch_size: int = Field(32, ge=1)
    batch_tokens: int | None = Field(None, ge=1)
    accumulate: int = Field(1, ge=1)
    workers: int = Field(0, ge=0)
    processes: int = Field(1, ge=1)
    fsdp: bool = False
    optimizer: Literal["adamw", "sgd", "adafactor", "lion", "muon"] = "adamw"
    momentum: float = Field(0.9, ge=0, lt=1)
    nesterov: bool = False
    learning_rate: float = Field(5e-5, gt=0)
    head_learning_rate: float | None = Field(None, gt=0)
    layer_decay: float | None = Field(None, gt=0, le=1)
    weight_decay: float = Field(0.01, ge=0)
    schedule: Literal["cosine", "linear", "constant", "one_cycle", "restarts", "plateau"] = "cosine"
    warmup: float = Field(0.1, ge=0)
    cycles: int = Field(2, ge=2)
    cycle_growth: float = Field(2.0, ge=1)
    plateau_factor: float = Field(0.5, gt=0, lt=1)
    plateau_patience: int = Field(1, ge=1)
    average: Literal["ema", "swa"] | None = None
    ema_decay: float = Field(0.999, ge=0, lt=1)
    swa_start: float = Field(0.75, ge=0, lt=1)
    clip: float | None = Field(1.0, gt=0)
    nonfinite: Literal["stop", "skip"] = "stop"
    patience: int | None = Field(None, ge=1)
    precision: Literal["auto", "fp32", "tf32", "bf16", "fp16"] = "auto"
    compile: bool = False
    gradient_checkpointing: bool = False
    seeds: int = Field(1, ge=1)
    checkpoint_seconds: float = Field(60.0, ge=0)
    log_every: int = Field(10, ge=1)

    @model_validator(mode="after")
    def _nesterov_needs_momentum(self) -> "Training":
        if self.nesterov and (self.optimizer != "sgd" or self.momentum == 0):
            raise ValueError("nesterov looks ahead by the momentum of sgd; set optimizer to sgd and momentum above 0")
        return self

    @model_validator(mode="after")
    def _warmup_is_a_share_or_whole(self) -> "Training":
        if self.warmup >= 1 and self.warmup != round(self.warmup):
            raise ValueError(f"warmup {self.warmup} is not a number of steps; use a whole number, or a share below 1")
        return self

    @model_validator(mode="after")
    def _one_cycle_goes_up_first(self) -> "Training":
        if self.schedule == "one_cycle" and self.warmup == 0:
            raise ValueError("one_cycle goes up before it goes down; set warmup above 0, or schedule to cosine")
        return self

    @model_validator(mode="after")
    def _sharding_needs_processes(self) -> "Training":
        if self.fsdp and self.processes == 1:
            raise ValueError("fsdp shards over several processes; set processes above 1, or fsdp to false")
        # Adafactor needs the mean squares of whole rows and columns; torch refuses this on shards.
        if self.fsdp and self.optimizer == "adafactor":
            raise ValueError("adafactor cannot be sharded; set fsdp to false, or another optimizer")
        return self
