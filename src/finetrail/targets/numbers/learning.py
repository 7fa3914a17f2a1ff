"""What a regression learns: numbers around 0 of standard deviation 1, whatever unit the labels are in.

So learning rates, Huber's delta and the size of the head's first weights mean the same for prices and for degrees. In
the end mean and standard deviation go into the head, and the model answers in the unit of the labels.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn

from finetrail.evaluation.scores.bootstrap import Floats
from finetrail.evaluation.scores.metric import Point
from finetrail.models.inputs import Inputs
from finetrail.models.network import Batch, Network
from finetrail.targets.conformal import LEVELS, conformal_quantile, promised
from finetrail.targets.learning import Explained, Loss
from finetrail.targets.numbers import metrics
from finetrail.targets.numbers.codec import NumberCodec, Predictions
from finetrail.targets.numbers.losses import distance
from finetrail.targets.numbers.settings import NumberTraining
from finetrail.targets.per_row import RowTargets

if TYPE_CHECKING:
    from finetrail.targets.learning import Kept


@dataclass(frozen=True)
class NumberLearning:
    """See `finetrail.targets.learning.Learning`.

    Attributes:
        distance, huber_delta: of the loss.
        coverage: see `NumberCodec`.
    """

    codec: NumberCodec
    distance: str = "mse"
    huber_delta: float = 1.0
    coverage: float | None = None

    def head(self, width: int) -> nn.Module:
        return nn.Linear(width, 1)

    def encode(self, labels: Sequence[float], inputs: Inputs) -> RowTargets:
        return RowTargets.of(self._standardised(labels), inputs)

    def loss(self, settings: NumberTraining, labels: Sequence[float], *, finished: bool = False) -> Loss:
        loss = distance(settings.loss, settings.huber_delta)
        if not finished:
            return loss
        mean, std = self.codec.mean, self.codec.std
        return lambda outputs, batch: loss((outputs - mean) / std, batch)

    def keep(self, outputs: Tensor, batch: Batch) -> "Kept":
        return outputs.float().cpu().numpy()

    def answers(self, kept: Any, inputs: Inputs) -> Predictions:
        return kept  # type: ignore[no-any-return]

    def explained(self, label: float, answers: Predictions, inputs: Inputs) -> Explained:
        """The number."""
        return Explained(0, (0,), "the number")

    def score(self, kept: Any, inputs: Inputs, labels: Sequence[float], *, finished: bool = False) -> Point:
        """The loss is that of the standardised numbers, as in the training curve; the metrics are in their own unit."""
        outputs = self._back(kept) if finished else kept
        targets = self._standardised(labels)
        loss = distance(self.distance, self.huber_delta)
        value = float(loss(torch.from_numpy(outputs), {"targets": torch.from_numpy(targets)}))
        return {"loss": value, **metrics.scores(self._in_unit(targets), self._in_unit(outputs[:, 0]))}

    def finish(self, model: Network) -> None:
        """Fold mean and standard deviation into the head."""
        head: Any = model.head
        with torch.no_grad():
            head.weight.mul_(self.codec.std)
            head.bias.mul_(self.codec.std).add_(self.codec.mean)

    def fitted(self, kept: Any, inputs: Inputs, labels: Sequence[float]) -> "NumberLearning":
        errors = np.abs(self.answers(kept, inputs)[:, 0].astype(np.float64) - np.array(labels, dtype=np.float64))
        levels = [level for level in LEVELS if promised(len(errors), level)]
        codec = replace(self.codec, half_widths=tuple((one, conformal_quantile(errors, one)) for one in levels))
        if self.coverage is not None:
            width = conformal_quantile(errors, self.coverage)
            codec = replace(codec, coverage=self.coverage, half_width=width)
        return replace(self, codec=codec)

    def _standardised(self, labels: Sequence[float]) -> np.ndarray:
        return ((np.array(labels) - self.codec.mean) / self.codec.std).astype(np.float32)

    def _back(self, outputs: np.ndarray) -> np.ndarray:
        """A finished model's answers, standardised as in training."""
        return ((outputs.astype(np.float64) - self.codec.mean) / self.codec.std).astype(np.float32)

    def _in_unit(self, standardised: np.ndarray) -> Floats:
        return standardised.astype(np.float64) * self.codec.std + self.codec.mean
