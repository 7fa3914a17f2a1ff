"""Losses of regressions: they map outputs (B, 1) and standardised numbers (B,) to the mean loss of a batch."""

from functools import partial

from torch import Tensor
from torch.nn import functional

from finetrail.targets.learning import Loss
from finetrail.targets.per_row import mean_loss


def distance(kind: str = "mse", huber_delta: float = 1.0) -> Loss:
    """How far answers are off; mixed batches as in `finetrail.targets.per_row.mean_loss`.

    Args:
        kind: `mse`, the square of the error; `mae`, the error; `huber`, the square up to `huber_delta` and the error
            beyond it (Huber 1964), so that a few wild labels do not decide.
        huber_delta: in standard deviations of the training labels, because targets are standardised.
    """

    def each(outputs: Tensor, targets: Tensor) -> Tensor:
        answers = outputs.squeeze(1)
        if kind == "mae":
            return functional.l1_loss(answers, targets, reduction="none")
        if kind == "huber":
            return functional.huber_loss(answers, targets, reduction="none", delta=huber_delta)
        return functional.mse_loss(answers, targets, reduction="none")

    return partial(mean_loss, each)
