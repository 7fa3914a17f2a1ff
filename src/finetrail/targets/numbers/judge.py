"""How good the answers of a regression are."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from finetrail.evaluation.scores.bootstrap import Draws, Floats, Ints
from finetrail.evaluation.scores.metric import Metric, amount
from finetrail.evaluation.slices import SplitRows
from finetrail.targets.numbers.codec import NumberCodec, Predictions
from finetrail.targets.numbers.metrics import weighted_scores

if TYPE_CHECKING:
    import pandas as pd

    from finetrail.evaluation.report.section import Section
    from finetrail.targets.numbers.evaluation import NumberEvaluation
    from finetrail.targets.suspicion import Suspicion

ALIKE = 0.5
"""Two labels say the same if they lie no further apart than this many standard deviations of the training labels."""


@dataclass(frozen=True)
class NumberJudge:
    """See `finetrail.targets.judge.Judge`."""

    codec: NumberCodec
    by_group: bool = False
    row_error: ClassVar[Metric] = Metric("mae", "mean absolute error", lower=True, in_unit=True)

    def facts(self, labels: Sequence[float], answers: Predictions) -> Floats:
        """The actual number and the predicted one (n, 2)."""
        return np.stack([np.array(labels, dtype=np.float64), answers[:, 0].astype(np.float64)], axis=1)

    def scores(self, facts: Floats, drawn: Ints) -> dict[str, Floats]:
        return weighted_scores(drawn, facts[:, 0], facts[:, 1])

    def right(self, labels: Sequence[float], answers: Predictions) -> None:
        """A number is neither right nor wrong."""

    def row_errors(self, labels: Sequence[float], answers: Predictions) -> Floats:
        """How far off each answer is (n,)."""
        found: Floats = np.abs(answers[:, 0].astype(np.float64) - np.array(labels, dtype=np.float64))
        return found

    def alike(self, label: float, other: float) -> bool:
        """Whether they lie near each other."""
        return abs(label - other) <= ALIKE * self.codec.std

    def constant(self, labels: Sequence[float]) -> Predictions:
        """Always the mean: no other constant has a lower RMSE."""
        return np.full((len(labels), 1), np.array(labels, dtype=np.float64).mean())

    def rivals(self, asked: SplitRows, known: Callable[[], SplitRows]) -> Mapping[str, Any]:
        """None: the report has the mean beside each metric."""
        return {}

    def by_content(self, asked: SplitRows, answers: Predictions, draws: Draws) -> "list[Section]":
        return []

    def groups(self, labels: Sequence[float], answers: Predictions) -> Mapping[str, Any]:
        return {}

    def errors(self, labels: Sequence[float], answers: Predictions) -> Mapping[str, float]:
        return {}

    def evaluate(
        self, rows: "pd.DataFrame", answers: Predictions, draws: Draws, trained: Mapping[str, Any]
    ) -> "NumberEvaluation":
        from finetrail.targets.numbers.evaluation import evaluate

        return evaluate(self, rows, answers, draws)

    def suspicion(self, labels: Sequence[float], answers: Predictions) -> "Suspicion":
        from finetrail.targets.numbers.suspects import suspects

        return suspects(self.codec, labels, answers)

    def told(self, tested: Mapping[str, Any]) -> list[str]:
        return []

    def limits(self, tested: Mapping[str, Any]) -> list[str]:
        if "baseline" not in tested:
            return []
        mean, rmse = (amount(tested["baseline"][name]) for name in ("mean_of_train", "rmse"))
        return [f"Always answering {mean}, the mean of the training labels, has an RMSE of {rmse} on test."]
