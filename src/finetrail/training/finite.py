"""Losses, gradients and scores that are NaN or infinite: report them with step and examples, or skip the step."""

import logging
import math
from collections.abc import Callable

from torch import Tensor

from finetrail.errors import NonFiniteError
from finetrail.evaluation.scores.metric import Point
from finetrail.training.checkpoints import Checkpoints
from finetrail.training.fitted import Fitted
from finetrail.training.plan import Plan
from finetrail.training.settings import Training

log = logging.getLogger(__name__)

IN_A_ROW = 10
"""This many skipped steps in a row are no accident."""
NAMED = 8
"""Examples of a step that an error names; all of them would fill the screen."""


class Watch:
    """Checks what training computes, and names the examples of a bad step."""

    def __init__(self, plan: Plan, id_of: Callable[[int], str], settings: Training, checkpoints: Checkpoints) -> None:
        self._plan, self._id_of, self._checkpoints = plan, id_of, checkpoints
        # A scaled loss overflows now and then; the scaler then skips the step and lowers the scale.
        self._norms = settings.precision != "fp16"

    def skips(self, pair: Tensor, step: int, fitted: Fitted) -> bool:
        """Whether to skip a step. Args: pair: loss and norm. Raises: NonFiniteError: too many in a row."""
        loss, norm = pair.tolist()
        if self._fine(loss, norm):
            return False
        fitted.skipped.append(step)
        log.warning("%s: skipped", self._told(loss, norm, step))
        if fitted.skipped[-IN_A_ROW:] == list(range(step - IN_A_ROW + 1, step + 1)):
            raise self._error(f"{self._told(loss, norm, step)}, as in the {IN_A_ROW - 1} steps before", fitted)
        return True

    def check(self, fitted: Fitted) -> None:
        """Check the pending steps. Raises: NonFiniteError: a loss or norm is NaN or infinite."""
        for step, loss, norm in fitted.pending:
            if not self._fine(loss, norm):
                raise self._error(f"{self._told(loss, norm, int(step))}, learning rate {fitted.rate:.3g}", fitted)

    def check_scores(self, point: Point, step: int, fitted: Fitted) -> None:
        """Check the scores of an evaluation. Raises: NonFiniteError: a score is NaN or infinite."""
        for name, value in point.items():
            if not math.isfinite(value):
                raise self._error(f"the validation {name} is {value} after step {step}", fitted)

    def _fine(self, loss: float, norm: float) -> bool:
        return math.isfinite(loss) and (math.isfinite(norm) or not self._norms)

    def _told(self, loss: float, norm: float, step: int) -> str:
        what = f"the gradient's norm is {norm}" if math.isfinite(loss) else f"the loss is {loss}"
        epoch = self._plan.epoch_of(step)
        number = step - (epoch - 1) * self._plan.steps_an_epoch
        examples = self._plan.epoch(epoch)[number - 1].examples
        named = ", ".join(map(self._id_of, examples[:NAMED]))
        more = f" and {len(examples) - NAMED} more" if len(examples) > NAMED else ""
        return f"{what} at step {step} (examples {named}{more})"

    def _error(self, what: str, fitted: Fitted) -> NonFiniteError:
        kept = (
            f"the best weights, of step {fitted.best_step}, are in {self._checkpoints.folder / fitted.best_file}"
            if fitted.best_file
            else "no evaluation came before"
        )
        return NonFiniteError(f"{what}; lower train.learning_rate, or set train.clip or train.precision: fp32; {kept}")
