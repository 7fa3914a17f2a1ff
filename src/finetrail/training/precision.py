"""Which precision is faster for a model: a rule for products of matrices, a short measurement for convolutions."""

import copy
import hashlib
from collections.abc import Callable
from typing import Literal, cast

import torch

from finetrail.inference.device import Precision, autocast, lay_out, native_bf16
from finetrail.models.network import Batch, Network, for_model
from finetrail.training.attention import training_attention
from finetrail.training.convolutions import FastConvolutions
from finetrail.training.measured import faster

MARGIN = 1.1
"""How many times as fast as float32 bfloat16 must be to be worth its rounding."""


def choose_precision(wanted: Precision | Literal["auto"], model: Network, batch: Batch) -> Precision:
    """The precision that `auto` means for this model; any other setting is returned as it is.

    bf16 where the hardware multiplies in it. On a CPU bf16 is not always faster for images, so a forward and backward
    pass is timed in both, once for each machine, kind of model and batch size; see `faster`.

    Args:
        model: adapted, with its frozen parts frozen; this changes neither it nor the state of the random numbers.
        batch: a training batch of the usual size, on the CPU.
    """
    if wanted != "auto":
        return wanted
    batch = for_model(batch)
    images = any(tensor.dim() == 4 for tensor in batch.values())
    if not native_bf16() or torch.cuda.is_available() or not images:
        return "bf16" if native_bf16() else "fp32"
    what = {
        "model": _signature(model),
        "batch": {name: list(tensor.shape) for name, tensor in batch.items() if tensor.dim() == 4},
    }
    # `_Ways` copies the model only if there is something to measure.
    ways = _Ways(model, batch)
    return cast(Precision, faster(what, {"fp32": ways.run("fp32"), "bf16": ways.run("bf16")}, MARGIN))


class _Ways:
    """A step in either precision, on a copy of the model, so that running statistics stay as they are."""

    def __init__(self, model: Network, batch: Batch) -> None:
        self._model, self._batch = model, batch
        self._copy: Network | None = None

    def run(self, precision: Precision) -> Callable[[], None]:
        def step() -> None:
            if self._copy is None:
                self._copy = copy.deepcopy(self._model).train()
                lay_out(self._copy)
            cpu = torch.device("cpu")
            with torch.random.fork_rng(devices=[]), training_attention(precision, cpu):
                with FastConvolutions(), autocast(precision, cpu):
                    logits = self._copy(self._batch)
                logits.float().square().mean().backward()
            self._copy.zero_grad()

        return step


def _signature(model: Network) -> str:
    """Equal for models with equal layers and equal trainable parameters."""
    layers = [(name, type(module).__name__) for name, module in model.named_modules()]
    parameters = [(name, list(tensor.shape), tensor.requires_grad) for name, tensor in model.named_parameters()]
    return hashlib.sha256(repr((layers, parameters)).encode()).hexdigest()
