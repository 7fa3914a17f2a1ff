"""What a model answers before its first step, computed once, for losses that compare with it.

No second model is held: the answers of the first one to all rows are, and a training that resumes computes them again
from the same weights, as it does the features of frozen backbones.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from finetrail.inference.device import Precision, autocast, full_precision
from finetrail.inference.predict import collect
from finetrail.models.inputs import Inputs
from finetrail.models.network import Batch, Network
from finetrail.progress import Track
from finetrail.targets.learning import START, Comparing
from finetrail.training.around import Around
from finetrail.training.frozen import Remembered
from finetrail.training.work import Work


@dataclass(frozen=True)
class Started(Around):
    """Inputs with what the model answered to each before its first step. Attributes: start: (N, K)."""

    start: Tensor

    def batch(self, indices: Sequence[int], seed: int | None = None) -> Batch:
        """The batch of the inputs, and `START` (B, K)."""
        return super().batch(indices, seed) | {START: self.start[list(indices)]}


@dataclass(frozen=True)
class Fed:
    """What a training is fed with. Attributes: scored: of val, for the scores in full precision."""

    inputs: dict[str, Inputs]
    scored: Inputs


def with_start(work: Work, precision: Precision, track: Track, remembered: Remembered | None = None) -> Fed:
    """The inputs of a work whose model is new; with its outputs, if what it learns is to compare with them.

    Args:
        precision: of the training, whose outputs are compared with these.
        remembered: what other trainings have computed with the same weights.
    """
    inputs, learning = work.inputs, work.built.learning
    if not isinstance(learning, Comparing) or not learning.compares:
        return Fed(inputs, inputs["val"])
    model, size = work.built.model, work.candidate.train.batch_size * 2
    compute = partial(_started, model, size, track)

    def started(one: Inputs, precision: Precision) -> Inputs:
        return remembered.features(model, precision, one, compute) if remembered else compute(one)

    with autocast(precision, next(model.parameters()).device):
        found = {name: started(one, precision) for name, one in inputs.items()}
    with full_precision():
        return Fed(found, found["val"] if precision == "fp32" else started(inputs["val"], "fp32"))


def _started(model: Network, size: int, track: Track, inputs: Inputs) -> Started:
    def keep(outputs: Tensor, batch: Batch) -> NDArray[np.float32]:
        return outputs.float().cpu().numpy()

    found: Any = collect(model, inputs, size, forward=model, keep=keep, track=track, what="answering before training")
    return Started(inputs, torch.from_numpy(found))
