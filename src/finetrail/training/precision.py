"""Which precision suits a model: a rule for products of matrices, two short measurements for convolutions."""

import copy
import hashlib
from collections.abc import Callable
from typing import Literal, cast

import torch
from torch import Tensor

from finetrail.evaluation.scores.metric import Metric
from finetrail.inference.device import Precision, autocast, lay_out, native_bf16
from finetrail.models.network import Batch, Network, for_model
from finetrail.training.attention import training_attention
from finetrail.training.convolutions import FastConvolutions
from finetrail.training.measured import faster

MARGIN = 1.1
"""How many times as fast as float32 bfloat16 must be to be worth its rounding."""
TOLERANCE = 0.1
"""How far bfloat16 may move features, as a share of their spread over a batch.

A model is served in float32. Texts, ResNet-18, ConvNeXt and Swin are moved by 0.01 to 0.05, and are served as they were
trained; MobileNetV2 and EfficientNet, whose BatchNorms take large means from bfloat16's few digits, by 0.2 to 0.6.
EfficientNet-Lite0 trained in bfloat16 lost up to 24 points of accuracy in float32.
"""


def choose_precision(wanted: Precision | Literal["auto"], model: Network, batch: Batch) -> Precision:
    """The precision that `auto` means for this model; any other setting is returned as it is.

    bf16 where the hardware multiplies in it. On a CPU bf16 is not always faster for images, so a forward and backward
    pass is timed in both, once for each machine, kind of model and batch size; see `faster`. Where bf16 is faster, the
    features must also be nearly those of fp32.

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
    fastest = cast(Precision, faster(what, {"fp32": ways.run("fp32"), "bf16": ways.run("bf16")}, MARGIN))
    return fastest if fastest == "fp32" or ways.apart() <= TOLERANCE else "fp32"


LOST = 0.02
"""A share of a metric's value: by more than this a model must not be worse in float32 than it was in training."""
_CPU = torch.device("cpu")


def lost_in_fp32(precision: Precision, metric: Metric, best: float, finished: float) -> str:
    """A warning, where a model that was trained in another precision is worse in the one in which it is served.

    Args:
        best: the metric at the best evaluation during training.
        finished: the metric of the finished model.

    Returns:
        The warning; empty where there is none.
    """
    lost = metric.goodness(best) - metric.goodness(finished)
    if precision == "fp32" or lost <= LOST * abs(best):
        return ""
    return (
        f"validation {metric.title} was {metric.say(best)} in training, in {precision}, but is {metric.say(finished)} "
        "in fp32, in which the model is served: set train.precision to fp32"
    )


class _Ways:
    """A step in either precision, on a copy of the model, so that running statistics stay as they are."""

    def __init__(self, model: Network, batch: Batch) -> None:
        self._model, self._batch = model, batch
        self._copy: Network | None = None

    def run(self, precision: Precision) -> Callable[[], None]:
        def step() -> None:
            model = self._model_to_try()
            with torch.random.fork_rng(devices=[]), training_attention(precision, _CPU):
                with FastConvolutions(), autocast(precision, _CPU):
                    logits = model(self._batch)
                logits.float().square().mean().backward()
            model.zero_grad()

        return step

    def apart(self) -> float:
        """How far bfloat16 moves the features of the batch, as a share of their spread."""
        exact, rounded = self._features("fp32"), self._features("bf16")
        spread = (exact - exact.mean(0)).norm()
        return float((rounded - exact).norm() / spread) if spread > 0 else 0.0

    def _features(self, precision: Precision) -> Tensor:
        model = self._model_to_try()
        with torch.random.fork_rng(devices=[]), torch.no_grad(), autocast(precision, _CPU):
            torch.manual_seed(0)  # the same dropouts in both
            return model.features(self._batch).float()

    def _model_to_try(self) -> Network:
        if self._copy is None:
            self._copy = copy.deepcopy(self._model).train()
            lay_out(self._copy)
        return self._copy


def _signature(model: Network) -> str:
    """Equal for models with equal layers and equal trainable parameters."""
    layers = [(name, type(module).__name__) for name, module in model.named_modules()]
    parameters = [(name, list(tensor.shape), tensor.requires_grad) for name, tensor in model.named_parameters()]
    return hashlib.sha256(repr((layers, parameters)).encode()).hexdigest()
